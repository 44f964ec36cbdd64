"""The statements that read the source: the user's query, wrapped in casts, bounds and an order."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from headrace.postgres.row_security import SEES_ALL
from headrace_runner.postgres.operators import operator
from headrace_runner.projection import Field, Projection
from headrace_runner.protocols import Position
from headrace_runner.shape import SourceColumn
from headrace_runner.sources.postgres.documents import FORMAT, MOST_ROWS, DocumentItems
from headrace_runner.sources.postgres.lookback import grain_seconds, is_time
from headrace_runner.sources.postgres.values import column, value

_NO_PART_OF_IT = " \t\r\n;"


@dataclass(frozen=True, slots=True, kw_only=True)
class Select:
    """Writes the statements for one query; all of them are pure text."""

    query: str
    byte_order: str
    """The collation that orders by bytes and that this server's indexes are most likely to have."""
    cursor_type: str | None = None
    cursor_is_text: bool = False
    cursor_is_builtin: bool = True
    lookback_seconds: float = 0.0
    columns: Mapping[str, SourceColumn] = dataclasses.field(default_factory=dict)
    """The query's: documents are made by their types."""
    is_utf8: bool = True
    """The server's texts are."""
    row_security: str = SEES_ALL
    """The setting with which the server has to run them."""

    def bare(self) -> str:
        """The query by itself, without what may follow a statement."""
        return self.query.rstrip(_NO_PART_OF_IT)

    def wrapped(self) -> str:
        """The query as a table `q`; the newline ends a comment in its last line."""
        return f"({self.bare()}\n) AS q"

    def rows(
        self,
        projection: Projection,
        start: Position,
        *,
        bounded: bool = False,
        nulls: bool = True,
        version: int = 0,
        limit: int | None = None,
    ) -> str:
        """All rows from `start` on (its own row too), in order; `bounded`: up to `headrace.horizon`.

        `nulls`: those whose key is null too, wherever it starts; `version`: what documents have or begin with;
        `limit`: not more rows.
        """
        conditions = self._conditions(projection, start, bounded=bounded, nulls=nulls)
        return self._statement(projection, conditions, version, limit)

    def keyed(self, projection: Projection, version: int) -> str:
        """The rows whose keys are in `headrace.keys`, a JSON array of arrays of texts."""
        keys = ", ".join(value(field) for field in projection.keys)
        names = enumerate(projection.keys)
        wanted = ", ".join(f"(k.key ->> {number})" + _cast(field.type_name) for number, field in names)
        array = f"pg_catalog.json_array_elements({_setting('keys', 'json')}) AS k(key)"
        return self._statement(projection, [f"({keys}) IN (SELECT {wanted} FROM {array})"], version)

    def documents(self, projection: Projection) -> DocumentItems | None:
        """How rows become documents; None when they do not."""
        if projection.documents is None:
            return None
        return DocumentItems(projection, projection.documents, self.columns, is_utf8=self.is_utf8)

    def null_key(self, projection: Projection) -> str:
        """One row whose key is null, if there is any."""
        return f"SELECT true FROM {self.wrapped()} WHERE {' OR '.join(self._nulls(projection))} LIMIT 1"

    def start_row(self, projection: Projection) -> str:
        """The start's own cursor and key as the stream would carry them."""
        items = _bounds(projection)
        if projection.cursor is not None:
            items.insert(0, _setting("value", None))
        return f"SELECT {', '.join(items)}"

    def ordering(self, projection: Projection) -> str:
        """What the rows are ordered by, as a query; every row has something when there is no order."""
        return f"SELECT {', '.join(self._order(projection)) or 'true'} FROM {self.wrapped()}"

    def horizon(self, cursor: str, below: str | None = None) -> str:
        """The greatest cursor value, as text; only of those `below`, a constant."""
        name = column(cursor)
        # Not max(): not every type that can be ordered has it.
        order = f"ORDER BY {self._cursor(cursor)} DESC LIMIT 1"
        bound = "" if below is None else f" AND {name} OPERATOR(pg_catalog.<) '{below}'::{self.cursor_type}"
        return f"SELECT {name}::text FROM {self.wrapped()} WHERE {name} IS NOT NULL{bound} {order}"

    def count(self) -> str:
        """How many rows there are."""
        return f"SELECT count(*) FROM {self.wrapped()}"

    def _statement(self, projection: Projection, conditions: list[str], version: int, limit: int | None = None) -> str:
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        order = ", ".join(self._order(projection))
        items = [value(field) for field in projection.fields]
        if projection.cursor is not None:
            items.insert(0, f"{column(projection.cursor)}::text")
        documents = self.documents(projection)
        if documents is not None:
            items = documents.items(version, order)
            if documents.numbers_rows:
                limit = min(limit or MOST_ROWS, MOST_ROWS)
        by = f" ORDER BY {order}" if order else ""
        most = "" if limit is None else f" LIMIT {limit}"
        return f"SELECT {', '.join(items)} FROM {self.wrapped()}{where}{by}{most}"

    def _conditions(self, projection: Projection, start: Position, *, bounded: bool, nulls: bool) -> list[str]:
        if projection.cursor is None:
            return [] if start.key is None else [self._from_key(projection, nulls=nulls)]
        cursor = self._cursor(projection.cursor)
        conditions = [f"{column(projection.cursor)} IS NOT NULL"]
        if bounded:
            sign = operator("<=", is_builtin=self.cursor_is_builtin)
            conditions.append(f"{cursor} {sign} {_setting('horizon', self.cursor_type)}")
        if start.value is not None:
            conditions.append(self._from_cursor(projection, start))
        return conditions

    def _from_key(self, projection: Projection, *, nulls: bool) -> str:
        keys = [self._ordered(field) for field in projection.keys]
        is_builtin = all(field.is_builtin for field in projection.keys)
        condition = _at_least(keys, _bounds(projection), is_builtin=is_builtin)
        return self._or_null(condition, projection) if nulls else condition

    def _from_cursor(self, projection: Projection, start: Position) -> str:
        cursor = self._cursor(str(projection.cursor))
        value = _setting("value", self.cursor_type)
        sign = operator(">=", is_builtin=self.cursor_is_builtin)
        if start.look_back or start.key is None:
            return f"{cursor} {sign} {self._earlier(value, str(start.value)) if start.look_back else value}"
        left = [cursor, *(self._ordered(field) for field in projection.keys)]
        is_builtin = self.cursor_is_builtin and all(field.is_builtin for field in projection.keys)
        both = _at_least(left, [value, *_bounds(projection)], is_builtin=is_builtin)
        # The first condition is for an index: the second one is none that it can serve.
        return f"{cursor} {sign} {value} AND {self._or_null(both, projection)}"

    def _or_null(self, condition: str, projection: Projection) -> str:
        # A null key sorts last: it must be seen, for it fails the run.
        return f"({' OR '.join([condition, *self._nulls(projection)])})"

    def _nulls(self, projection: Projection) -> list[str]:
        return [f"{column(field.name)} IS NULL" for field in projection.keys]

    def _earlier(self, setting: str, value: str) -> str:
        """Where a look back begins: before the value; without a lookback at the first row that has it."""
        if not self.has_time_cursor():
            return setting
        # What is cut to the minute, say, may be a minute older than it looks; a date is cut here by its own type.
        grain = 0.0 if self.cursor_type == "date" else grain_seconds(value)
        seconds = f"{self.lookback_seconds + grain:.6f}"
        return f"({setting} OPERATOR(pg_catalog.-) interval '{seconds} seconds')::{self.cursor_type}"

    def has_time_cursor(self) -> bool:
        """Whether a lookback, which is a time, can be taken off the cursor."""
        return is_time(self.cursor_type)

    def _order(self, projection: Projection) -> list[str]:
        cursor = [] if projection.cursor is None else [self._cursor(projection.cursor)]
        documents = self.documents(projection)
        ties = [] if documents is None else documents.ties()
        return cursor + [self._ordered(field) for field in projection.keys] + ties

    def _cursor(self, name: str) -> str:
        return column(name) + (f" COLLATE {self.byte_order}" if self.cursor_is_text else "")

    def _ordered(self, field: Field) -> str:
        return value(field) + (f" COLLATE {self.byte_order}" if field.is_text else "")


def as_stream(projection: Projection, rows: str) -> str:
    """A statement as a COPY."""
    style = "(FORMAT BINARY)" if projection.binary else "(FORMAT TEXT)"
    return f"COPY ({rows}) TO STDOUT {style if projection.documents is None else FORMAT}"


def _bounds(projection: Projection) -> list[str]:
    return [_setting(f"k{number}", field.type_name) for number, field in enumerate(projection.keys)]


def _setting(name: str, type_name: str | None) -> str:
    return f"pg_catalog.current_setting('headrace.{name}')" + _cast(type_name)


def _cast(type_name: str | None) -> str:
    return f"::{type_name}" if type_name else ""


def _at_least(left: list[str], right: list[str], *, is_builtin: bool) -> str:
    # One name for all columns: beside a type that somebody made it must be the one that finds its operators too.
    return f"({', '.join(left)}) {operator('>=', is_builtin=is_builtin)} ({', '.join(right)})"
