"""A range of the target's keys: above the last row of one batch, up to the last row of another."""

from dataclasses import dataclass

from headrace_runner.postgres.quoting import quote_literal, quote_name
from headrace_runner.projection import Field
from headrace_runner.targets.postgres.table import Column, Table


@dataclass(frozen=True, slots=True)
class Keys:
    """The key columns of a target table `t`, in conditions on it."""

    table: Table
    fields: tuple[Field, ...]

    def between(self, low: tuple[str, ...] | None, high: tuple[str, ...]) -> str:
        """Above `low`, if there is one, up to `high`."""
        above = "" if low is None else f"{self._compare('>', low)} AND "
        return f"{above}{self._compare('<=', high)}"

    def above(self, low: tuple[str, ...]) -> str:
        """Above `low`; a null key sorts last."""
        nulls = [f"t.{quote_name(key.name)} IS NULL" for key in self.fields if not self._column(key).not_null]
        return " OR ".join([self._compare(">", low), *nulls])

    def matches(self) -> str:
        """A row `s` of the same types has the same key."""
        return self.table.equals(tuple(key.name for key in self.fields))

    def order(self) -> str:
        """What an ORDER BY needs for the order of a batch."""
        return ", ".join(map(self._ordered, self.fields))

    def _compare(self, operator: str, key: tuple[str, ...]) -> str:
        values = ", ".join(
            f"{quote_literal(value)}::{self._column(field).key_type_name}"
            for field, value in zip(self.fields, key, strict=True)
        )
        return f"({self.order()}) OPERATOR(pg_catalog.{operator}) ({values})"

    def _ordered(self, key: Field) -> str:
        collation = "" if self._column(key).orders_by_bytes else ' COLLATE "C"'
        return f"t.{quote_name(key.name)}{collation}"

    def _column(self, key: Field) -> Column:
        return self.table.columns[key.name]
