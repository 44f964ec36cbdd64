"""The target table as it is: its columns, its key, and what stands in the way of writing to it."""

from dataclasses import dataclass
from typing import Any

from headrace.errors import PermanentError
from headrace_runner.postgres.operators import FIRST_USER_OID, operator, refuse_hidden_operators
from headrace_runner.postgres.quoting import quote_name, quote_names, quote_qualified
from headrace_runner.targets.postgres.session import Connection

_ORDERED_BY_DATABASE = frozenset({"jsonb", "tsvector"})
"""By the default collation or the encoding of their database, whatever is asked for."""
_BY_CODE_POINT = frozenset({"UTF8", "LATIN1", "SQL_ASCII"})
"""Encodings whose bytes are in the order of Unicode, as far as a session in UTF-8 can read them."""
_UNUSABLE = {
    "v": "is a view",
    "m": "is a materialized view",
    "f": "is a foreign table",
    "S": "is a sequence",
    "c": "is a composite type",
}

_TABLE = """
    SELECT c.oid::int8, c.relkind::text,
           EXISTS (SELECT FROM pg_catalog.pg_rewrite AS r WHERE r.ev_class = c.oid), row_security_active(c.oid),
           EXISTS (SELECT FROM pg_catalog.pg_constraint AS k
                   WHERE k.contype = 'f' AND k.conrelid = c.oid AND k.confrelid = c.oid)
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = %s AND c.relname = %s AND c.relkind NOT IN ('i', 'I', 't')
"""
COLUMN_STATE = """
    ROW(a.attname, a.attnum, a.atttypid, a.atttypmod, a.attcollation, a.attidentity, a.attgenerated)::text
"""
"""Of a column `a` in pg_attribute. Rows that were written or read before it changed may not be what they seem."""
# A domain travels as its base type; format_type with -1 gives names that a cast does not cut short (`bpchar`).
_COLUMNS = f"""
    WITH RECURSIVE bases AS (
        SELECT a.attnum, a.atttypid AS type, a.atttypmod AS modifier
        FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = %(table)s AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT b.attnum, t.typbasetype, CASE WHEN b.modifier = -1 THEN t.typtypmod ELSE b.modifier END
        FROM bases AS b JOIN pg_catalog.pg_type AS t ON t.oid = b.type WHERE t.typtype = 'd'
    )
    SELECT a.attname, format_type(b.type, -1), format_type(b.type, b.modifier), b.type::int8,
           -- Each build numbers the types from FirstGenbkiObjectId on. An aclitem has no binary form, a regclass is an
           -- object's number, and of these vectors and of tsquery Postgres does not read the empty ones that it writes.
           e.oid < 10000 AND e.typtype <> 'c' AND e.typsend <> 0
               AND e.typname !~ '^(reg[a-z]+|int2vector|oidvector|tsquery)$',
           t.typcategory::text, quote_ident(tn.nspname) || '.' || quote_ident(t.typname), a.attnotnull,
           a.attcollation <> 0, a.attcollation IN (950, 951), a.attcollation = 100, a.attidentity::text,
           a.attgenerated <> '', a.atthasdef OR a.attidentity <> '', coalesce(co.collisdeterministic, true), a.attnum,
           {COLUMN_STATE}
    FROM pg_catalog.pg_attribute AS a
    JOIN bases AS b ON b.attnum = a.attnum
    JOIN pg_catalog.pg_type AS t ON t.oid = b.type AND t.typtype <> 'd'
    LEFT JOIN pg_catalog.pg_type AS element ON element.typarray = t.oid
    JOIN pg_catalog.pg_type AS e ON e.oid = coalesce(element.oid, t.oid)
    JOIN pg_catalog.pg_namespace AS tn ON tn.oid = t.typnamespace
    LEFT JOIN pg_catalog.pg_collation AS co ON co.oid = a.attcollation
    WHERE a.attrelid = %(table)s AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum
"""
# A column of an index serves ranges by bytes when it has the default operator class and no collation but C's (950; that
# of POSIX is 951, that of the database 100).
_INDEXES = """
    SELECT i.indisprimary, i.indisunique AND i.indimmediate, am.amname = 'btree',
           array_agg(a.attname::text ORDER BY k.number),
           bool_and(oc.opcdefault AND (k.coll IN (0, 950, 951) OR k.coll = 100 AND %(bytes)s))
    FROM pg_catalog.pg_index AS i
    JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid JOIN pg_catalog.pg_am AS am ON am.oid = c.relam
    CROSS JOIN LATERAL unnest(i.indkey::int2[], i.indcollation::oid[], i.indclass::oid[])
        WITH ORDINALITY AS k(attnum, coll, class, number)
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
    LEFT JOIN pg_catalog.pg_opclass AS oc ON oc.oid = k.class
    WHERE i.indrelid = %(table)s AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
      AND k.number <= i.indnkeyatts
    GROUP BY i.indexrelid, i.indisprimary, i.indisunique, i.indimmediate, am.amname
    ORDER BY i.indisprimary DESC, i.indexrelid
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of the target."""

    name: str
    type_name: str
    """For a cast that cuts nothing short."""
    exact_type_name: str
    """With its modifier."""
    qualified_type_name: str
    type_oid: int
    """That of the base type, for a domain."""
    has_same_bytes: bool
    """Its binary form exists, and means the same in every database."""
    is_string: bool
    """A cast to the exact type would cut it short without an error."""
    is_portable: bool
    """All servers order it alike, and what is equal is beside each other; for text that takes the same encoding too."""
    is_text: bool
    """It has a collation."""
    orders_by_bytes: bool
    """By itself, without a COLLATE."""
    not_null: bool
    always_identity: bool
    generated: bool
    has_default: bool
    """Or a number of its own."""
    number: int
    """No other column of the table ever has it."""
    state: str
    """What a run relies on, as `COLUMN_STATE` gives it."""

    @property
    def is_builtin(self) -> bool:
        """Its operators are those of pg_catalog."""
        return self.type_oid < FIRST_USER_OID

    @property
    def key_type_name(self) -> str:
        """For a cast of a key: as the column rounds it, but never cut short."""
        if not self.is_builtin:
            return self.qualified_type_name
        return self.type_name if self.is_string else self.exact_type_name

    def operator(self, name: str) -> str:
        """An operator for its values."""
        return operator(name, is_builtin=self.is_builtin)


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """An index on whole columns, all rows."""

    columns: tuple[str, ...]
    is_primary: bool
    is_unique: bool
    """And can be the arbiter of an upsert."""
    serves_ranges: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table that we may write to."""

    oid: int
    schema: str
    name: str
    columns: dict[str, Column]
    indexes: tuple[Index, ...]
    encoding: str | None
    """Its server's."""
    refers_to_itself: bool
    """By a foreign key: a row that is deleted may take others along."""

    @property
    def sql(self) -> str:
        """Its name in a statement."""
        return quote_qualified(self.schema, self.name)

    def key(self, wanted: tuple[str, ...]) -> tuple[str, ...]:
        """The key's columns in the order of the unique index that holds them; nothing when there is no key.

        Raises PermanentError when no unique index has just the columns `wanted`.
        """
        for index in self.indexes:
            if index.is_unique and (index.is_primary if not wanted else set(index.columns) == set(wanted)):
                return index.columns
        if not wanted:
            return ()
        missing = [name for name in wanted if name not in self.columns]
        if missing:
            raise PermanentError(f'The target has no column "{missing[0]}", a key column', field="key_columns")
        remedy = f"CREATE UNIQUE INDEX ON {self.sql} ({quote_names(wanted)})"
        raise PermanentError(f"The target has no unique index on the key columns: {remedy}", field="key_columns")

    def equals(self, key: tuple[str, ...]) -> str:
        """The condition that a row `t` of the table and a row `s` of the same types have the same key."""
        return " AND ".join(
            f"t.{quote_name(name)} {self.columns[name].operator('=')} s.{quote_name(name)}" for name in key
        )

    def orders_as(self, encoding: str | None, key: tuple[str, ...]) -> bool:
        """Whether a server with this encoding orders keys as ours does.

        Not those of a type that somebody made: an enum's labels may be declared in another order there.
        """
        columns = [self.columns[name] for name in key]
        same_text = encoding == self.encoding or {encoding, self.encoding} <= _BY_CODE_POINT
        return all(column.is_portable and (same_text or not column.is_text) for column in columns)

    def serves_ranges(self, key: tuple[str, ...]) -> bool:
        """Whether an index finds ranges of keys in byte order."""
        return any(index.serves_ranges and index.columns[: len(key)] == key for index in self.indexes)


def find_table(connection: Connection, schema: str, name: str, *, bytes_by_default: bool) -> Table | None:
    """The table, or None when there is none; raises PermanentError for one that can't be written to."""
    row = connection.execute(_TABLE, (schema, name)).fetchone()
    if row is None:
        return None
    oid, kind, has_rules, has_policies, refers_to_itself = row
    _refuse_unusable(f"{schema}.{name}", kind, has_rules=has_rules, has_policies=has_policies)
    columns = connection.execute(_COLUMNS, {"table": oid}).fetchall()
    indexes = connection.execute(_INDEXES, {"table": oid, "bytes": bytes_by_default}).fetchall()
    return Table(
        oid=oid,
        schema=schema,
        name=name,
        columns={row[0]: _column(row, bytes_by_default=bytes_by_default) for row in columns},
        indexes=tuple(
            Index(columns=tuple(names), is_primary=primary, is_unique=unique, serves_ranges=btree and bytewise)
            for primary, unique, btree, names, bytewise in indexes
        ),
        encoding=connection.info.parameter_status("server_encoding"),
        refers_to_itself=refers_to_itself,
    )


def refuse_hidden_keys(connection: Connection, table: Table, key: tuple[str, ...]) -> None:
    """Raises PermanentError for a key column that this session would compare by another type's operators."""
    for name in key:
        oid = table.columns[name].type_oid
        refuse_hidden_operators(connection, name, oid, side="the target", field="key_columns")


def _refuse_unusable(table: str, kind: str, *, has_rules: bool, has_policies: bool) -> None:
    if kind in _UNUSABLE:
        raise PermanentError(
            f'The target "{table}" {_UNUSABLE[kind]}: only tables can be written to', field="target_table"
        )
    if has_rules:
        raise PermanentError(f'The target "{table}" has rules, which rewrite what is written', field="target_table")
    if has_policies:
        raise PermanentError(
            f'The target "{table}" has row level security for this role: use its owner, or a role with BYPASSRLS',
            field="target_table",
        )


def _column(row: tuple[Any, ...], *, bytes_by_default: bool) -> Column:
    name, type_name, exact, oid, has_same_bytes, category, qualified, *rest = row
    not_null, is_text, is_c, is_default, identity, generated, has_default, is_deterministic, number, state = rest
    is_ordered_by_type = type_name.removesuffix("[]") not in _ORDERED_BY_DATABASE and is_deterministic
    return Column(
        name=name,
        type_name=type_name,
        exact_type_name=exact,
        qualified_type_name=qualified,
        type_oid=oid,
        has_same_bytes=has_same_bytes,
        # Character strings and bit strings.
        is_string=category in ("S", "V"),
        is_portable=has_same_bytes and is_ordered_by_type,
        is_text=is_text,
        orders_by_bytes=not is_text or is_c or (is_default and bytes_by_default),
        not_null=not_null,
        always_identity=identity == "a",
        generated=generated,
        has_default=has_default,
        number=number,
        state=state,
    )
