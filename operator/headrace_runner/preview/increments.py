"""Which columns of a table look as if they only grow, so that an incremental run may follow one of them. Pure.

By type and name, the best first: times named like a change (`updated_at`: each change of a row moves it), times named
like a beginning (`created_at`: only new rows are seen), whole numbers that a sequence gives, and a key of one whole
number. It is a guess: what the application does with them the catalogue does not know.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MOST = 5
"""More are of no help."""
INTEGERS = frozenset({20, 21, 23})
"""pg_type's OIDs of int8, int2 and int4."""
_TIMES = frozenset({1114, 1184})
_DATE = 1082
_CHANGED = re.compile(r"updat|modif|chang|mtime|touched|(?<![a-z])upd(?![a-z])")
_BEGUN = re.compile(
    r"creat|insert|added|ingest|loaded|receiv|record|logged|occur|happen|(?<![a-z])(event|ts|timestamp)(?![a-z])"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A column, as far as it matters here."""

    name: str
    type_oid: int
    not_null: bool
    is_numbered: bool
    """By an identity, or a sequence that it owns."""


def incremental_columns(columns: Iterable[Candidate], key: Sequence[str]) -> list[str]:
    """Their names, the best first."""
    ranked = [(rank, column) for column in columns if (rank := _rank(column, key)) is not None]
    # Rows where it is null are not read.
    ranked.sort(key=lambda it: (it[0], not it[1].not_null, it[1].type_oid == _DATE))
    return [column.name for _, column in ranked[:MOST]]


def _rank(column: Candidate, key: Sequence[str]) -> int | None:
    name = column.name.lower()
    if column.type_oid in _TIMES or column.type_oid == _DATE:
        return 0 if _CHANGED.search(name) else 1 if _BEGUN.search(name) else None
    if column.type_oid not in INTEGERS:
        return None
    return 2 if column.is_numbered else 3 if list(key) == [column.name] else None
