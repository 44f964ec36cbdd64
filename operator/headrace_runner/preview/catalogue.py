"""What a source's catalogue says of its tables; no statement here waits for a lock on one, or loads it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from headrace_runner.preview.increments import INTEGERS, Candidate
from headrace_runner.sources.postgres.shape import HAS_HEIRS, IDENTIFIES

KINDS = {"r": "table", "p": "partitioned table", "v": "view", "m": "materialized view", "f": "foreign table"}

# By a grant on the table, or on each of its columns. Null: it was dropped at this moment.
_MAY_READ = """(
    pg_catalog.has_table_privilege(c.oid, 'SELECT') OR pg_catalog.has_any_column_privilege(c.oid, 'SELECT')
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        AND NOT pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')
    )
)"""
# A partition is read by way of its table.
_RELATIONS = f"""
    SELECT c.oid::int8, n.nspname, c.relname, c.relkind::text, c.relispopulated,
           coalesce(pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND {_MAY_READ}, false),
           c.relrowsecurity AND pg_catalog.row_security_active(c.oid), {HAS_HEIRS.format(table="c")}
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND c.relpersistence <> 't'
      AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%%'
    ORDER BY n.nspname, c.relname LIMIT %s
"""
_BASE = "coalesce(b.oid, a.atttypid)"
# A domain counts as what it is made of. Not pg_get_expr of the default: it takes a lock.
_COLUMNS = """
    WITH RECURSIVE below(domain, oid) AS (
        SELECT t.oid, t.typbasetype FROM pg_catalog.pg_type AS t WHERE t.typtype = 'd'
        UNION ALL
        SELECT b.domain, t.typbasetype FROM below AS b JOIN pg_catalog.pg_type AS t ON t.oid = b.oid
        WHERE t.typtype = 'd'
    ), base AS (
        SELECT b.domain, b.oid FROM below AS b JOIN pg_catalog.pg_type AS t ON t.oid = b.oid WHERE t.typtype <> 'd'
    )
    SELECT a.attrelid::int8, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull, {generated},
           {base}::int8, a.attidentity <> '' OR {base} = ANY(%(integers)s::oid[]) AND EXISTS (
               SELECT FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_class AS s ON s.oid = d.objid
               WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
                 AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum AND d.deptype IN ('a', 'i')
                 AND s.relkind = 'S')
    FROM pg_catalog.pg_attribute AS a LEFT JOIN base AS b ON b.domain = a.atttypid
    WHERE a.attrelid = ANY(%(tables)s::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attrelid, a.attnum
"""
_KEYS = f"""
    SELECT i.indrelid::int8, i.indisprimary, array_agg(a.attname::text ORDER BY k.position)
    FROM pg_catalog.pg_index AS i
    CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, position)
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
    WHERE i.indrelid = ANY(%(tables)s::oid[]) AND {IDENTIFIES}
    GROUP BY i.indrelid, i.indexrelid, i.indisprimary HAVING bool_and(a.attnotnull)
    ORDER BY i.indrelid, NOT i.indisprimary, count(*), i.indexrelid
"""
# Not pg_partition_tree: it locks what it finds, as pg_total_relation_size does, for a moment; so that is not asked of
# what somebody has locked, or is about to.
_SIZES = """
    WITH RECURSIVE tree(root, oid) AS (
        SELECT t.oid, t.oid FROM unnest(%(tables)s::oid[]) AS t(oid)
        UNION ALL
        SELECT tree.root, i.inhrelid FROM tree
        JOIN pg_catalog.pg_class AS p ON p.oid = tree.oid AND p.relkind = 'p'
        JOIN pg_catalog.pg_inherits AS i ON i.inhparent = tree.oid
    ), part AS (
        SELECT tree.root, c.oid, c.relkind IN ('r', 'm') AS has_files,
               CASE WHEN c.relkind IN ('r', 'm', 'f') AND NOT {never_analysed} THEN c.reltuples END AS rows,
               c.oid = ANY(ARRAY(SELECT l.relation FROM pg_catalog.pg_locks AS l
                                 WHERE l.mode = 'AccessExclusiveLock' AND l.relation IS NOT NULL)) AS is_locked
        FROM tree JOIN pg_catalog.pg_class AS c ON c.oid = tree.oid
    )
    SELECT root::int8, sum(rows)::float8, bool_or(is_locked),
           CASE WHEN bool_or(has_files)
                THEN sum(CASE WHEN has_files AND NOT is_locked THEN {size} END)::int8 END
    FROM part GROUP BY root
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A table, or what can be read like one."""

    oid: int
    schema: str
    name: str
    kind: str
    """One of `KINDS`."""
    is_populated: bool
    is_readable: bool
    hides_rows: bool
    """By row level security, from this role."""
    has_heirs: bool
    """Other tables inherit from it, and are read with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One of its columns."""

    candidate: Candidate
    type_name: str
    generated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """Columns that identify a row, and are never null."""

    columns: tuple[str, ...] = ()
    is_primary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What is known of how much a table holds, with all its partitions."""

    rows: int | None = None
    bytes: int | None = None
    is_locked: bool = False


class Catalogue:
    """Asks in the transaction at hand."""

    def __init__(self, connection: psycopg.Connection[Any], *, sees_some: bool = False) -> None:
        """`sees_some`: a table from which rows are hidden can be read all the same."""
        self._connection, self._sees_some = connection, sees_some
        self._version = connection.info.server_version

    def relations(self, most: int) -> list[Relation]:
        """By schema and name."""
        rows = self._connection.execute(_RELATIONS, (most,)).fetchall()
        return [
            Relation(
                oid=oid,
                schema=schema,
                name=name,
                kind=KINDS[kind],
                is_populated=populated,
                is_readable=readable and (self._sees_some or not hides_rows),
                hides_rows=bool(hides_rows),
                has_heirs=has_heirs,
            )
            for oid, schema, name, kind, populated, readable, hides_rows, has_heirs in rows
        ]

    def columns(self, tables: Sequence[int]) -> Mapping[int, list[Column]]:
        """In their order."""
        generated = "a.attgenerated <> ''" if self._version >= 120_000 else "false"
        statement = _COLUMNS.replace("{generated}", generated).replace("{base}", _BASE).encode()
        found: dict[int, list[Column]] = {}
        for table, *values in self._ask(statement, tables):
            found.setdefault(table, []).append(_column(*values))
        return found

    def keys(self, tables: Sequence[int]) -> Mapping[int, Key]:
        """The primary key, or else the shortest other one."""
        found: dict[int, Key] = {}
        for table, is_primary, columns in self._ask(_KEYS.encode(), tables):
            found.setdefault(table, Key(columns=tuple(columns), is_primary=is_primary))
        return found

    def sizes(self, tables: Sequence[int]) -> Mapping[int, Size]:
        """Without the bytes where a table or an index of these is locked in the meantime."""
        try:
            with self._connection.transaction():
                return self._sizes(tables, "pg_catalog.pg_total_relation_size(oid)")
        except psycopg.errors.LockNotAvailable:
            return self._sizes(tables, "NULL::int8")

    def _sizes(self, tables: Sequence[int], size: str) -> Mapping[int, Size]:
        # Before version 14 none and not counted look the same.
        never = "c.reltuples < 0" if self._version >= 140_000 else "(c.reltuples <= 0 AND c.relpages = 0)"
        statement = _SIZES.replace("{never_analysed}", never).replace("{size}", size).encode()
        return {
            table: Size(
                rows=None if rows is None else round(rows), bytes=None if is_locked else count, is_locked=is_locked
            )
            for table, rows, is_locked, count in self._ask(statement, tables)
        }

    def _ask(self, statement: bytes, tables: Sequence[int]) -> Iterable[tuple[Any, ...]]:
        return self._connection.execute(statement, {"tables": list(tables), "integers": sorted(INTEGERS)}).fetchall()


def _column(name: str, type_name: str, not_null: bool, generated: bool, type_oid: int, is_numbered: bool) -> Column:
    candidate = Candidate(name=name, type_oid=type_oid, not_null=not_null, is_numbered=is_numbered)
    return Column(candidate=candidate, type_name=type_name, generated=generated)
