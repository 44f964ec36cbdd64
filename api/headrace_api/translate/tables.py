"""What a preview found of a source's tables, and the tables that callers see; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_DEFAULTS: Mapping[str, Any] = {
    "source_table": None,
    "kind": "table",
    "columns": [],
    "key_columns": [],
    "estimated_rows": None,
    "estimated_bytes": None,
    "readable": True,
    "can_resume": False,
    "can_increment": False,
    "incremental_columns": [],
    "note": None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFilter:
    """What the list is to hold; None: anything."""

    schema: str | None = None
    """Letter by letter."""
    q: str | None = None
    """Part of `schema.table`, whatever its case."""

    def takes(self, table: Mapping[str, Any]) -> bool:
        """Whether the table passes."""
        if self.schema is not None and table["schema"] != self.schema:
            return False
        return self.q is None or self.q.casefold() in f"{table['schema']}.{table['name']}".casefold()


def show_tables(result: Mapping[str, Any], wanted: TableFilter) -> list[dict[str, Any]]:
    """Those that are wanted, by schema and name."""
    found: Sequence[Mapping[str, Any]] = result.get("tables") or ()
    shown = [show_table(table) for table in found if wanted.takes(table)]
    return sorted(shown, key=lambda table: (table["schema"], table["name"]))


def show_table(table: Mapping[str, Any]) -> dict[str, Any]:
    """One table, with all its fields."""
    known = {name: table.get(name, default) for name, default in _DEFAULTS.items()}
    return {"schema": table["schema"], "name": table["name"], **known}
