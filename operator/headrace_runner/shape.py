"""What a query gives, as its source describes it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceColumn:
    """One column of the query's result."""

    name: str
    type_name: str
    """With its modifier: `numeric(10,2)`."""
    is_builtin: bool
    """Every Postgres knows the type under the same OID."""
    is_text: bool
    """It has a collation."""
    base: str = ""
    """The type below its domain, or that of an array's elements, as in pg_type: `int4`, `timestamptz`."""
    base_is_builtin: bool = True
    base_modifier: int = -1
    """As in `pg_attribute.atttypmod`."""
    kind: str = "b"
    """`pg_type.typtype` of the base: b (a base type), c (a composite), e (an enum), r (a range), m (a multirange)."""
    is_array: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """The query's result."""

    columns: tuple[SourceColumn, ...]
    primary_key: tuple[str, ...] = ()
    """That of the one table that all columns come from, or nothing."""
    encoding: str | None = None
    """The source's: text is ordered by its bytes in it."""
    table: int = 0
    """The OID of that table."""
    reads: frozenset[int] = frozenset()
    """The OIDs of what the query reads in the database that is written; nothing when it reads another."""
    place: str = ""
    """Stands for the host, the port and the database that the query is read at."""
