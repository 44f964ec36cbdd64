"""What some rows change among others, as bytes; pure."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from headrace_runner.postgres.wire import key_bytes
from headrace_runner.projection import Field, Projection
from headrace_runner.rows import Rows

BYTEWISE: dict[str, int | None] = {
    "smallint": 2,
    "integer": 4,
    "bigint": 8,
    "oid": 4,
    "uuid": 16,
    "boolean": 1,
    "date": 4,
    "timestamp without time zone": 8,
    "timestamp with time zone": 8,
    "bytea": None,
    "text": None,
    "character varying": None,
}
"""Types of which two values are equal just when their bytes are (text: in a collation that orders by them), and how
many bytes these are."""
CHUNK = 16
"""So many rows are compared at once: with one change in a hundred rows, 8 and 32 are slower."""
_MODIFIER = re.compile(r"\(.*\)")


@dataclass(frozen=True, slots=True)
class Difference:
    """What makes the target's range equal to a group."""

    held: int
    """How many rows the target has there."""
    new: tuple[bytes, ...] = ()
    """Rows of the group whose key the target lacks."""
    changed: tuple[bytes, ...] = ()
    """Rows of the group that the target has with other bytes."""
    gone: tuple[bytes, ...] = ()
    """Rows of the target whose key the group lacks."""

    @property
    def stale(self) -> int:
        """How many of the target's rows the group does not have like that."""
        return len(self.changed) + len(self.gone)


KeysOf = Callable[[Sequence[bytes]], list[bytes]]


def are_same(ours: Sequence[Rows], theirs: Rows) -> bool:
    """Whether both sides have the same bytes."""
    start = 0
    for rows in ours:
        end = start + len(rows.data)
        if theirs.data[start:end] != rows.data:
            return False
        start = end
    return start == len(theirs.data)


def difference(ours: Sequence[Rows], theirs: Rows, keys_of: KeysOf) -> Difference | None:
    """Compares two sets of rows, both in the order of their keys; None when a key comes twice in `ours`."""
    changed = _changed_in_place(ours, theirs, keys_of)
    if changed is not None:
        return Difference(held=len(theirs), changed=tuple(changed))
    return _by_key([row for rows in ours for row in rows.split()], theirs.split(), keys_of)


def _changed_in_place(ours: Sequence[Rows], theirs: Rows, keys_of: KeysOf) -> list[bytes] | None:
    """Rows with other bytes, when both sides have the same keys one by one: a fifth of the time that others take."""
    if sum(map(len, ours)) != len(theirs):
        return None
    changed: list[bytes] = []
    their_ends = [0, *theirs.ends]
    for rows in ours:
        found = _changed_in_batch(rows, theirs.data, their_ends, keys_of)
        if found is None:
            return None
        changed += found
        del their_ends[: len(rows)]
    return changed


def _changed_in_batch(rows: Rows, data: bytes, their_ends: list[int], keys_of: KeysOf) -> list[bytes] | None:
    ends = [0, *rows.ends]
    changed = []
    for start in range(0, len(rows), CHUNK):
        end = min(start + CHUNK, len(rows))
        if rows.data[ends[start] : ends[end]] == data[their_ends[start] : their_ends[end]]:
            continue
        ours = [rows.data[ends[number] : ends[number + 1]] for number in range(start, end)]
        theirs = [data[their_ends[number] : their_ends[number + 1]] for number in range(start, end)]
        if keys_of(ours) != keys_of(theirs):
            return None
        changed += [row for row, old in zip(ours, theirs, strict=True) if row != old]
    return changed


def _by_key(ours: Sequence[bytes], theirs: Sequence[bytes], keys_of: KeysOf) -> Difference | None:
    keys = keys_of(ours)
    # By key, not by row: to hash the rows themselves takes three times as long.
    old = dict(zip(keys_of(theirs), theirs, strict=True))
    wanted = frozenset(keys)
    if len(wanted) < len(ours):
        return None
    new, changed = [], []
    for key, row in zip(keys, ours, strict=True):
        before = old.get(key)
        if before is None:
            new.append(row)
        elif before != row:
            changed.append(row)
    gone = [old[key] for key in old.keys() - wanted]
    return Difference(held=len(old), new=tuple(new), changed=tuple(changed), gone=tuple(gone))


def is_bytewise(field: Field) -> bool:
    """Whether values of its type are equal just when their bytes are."""
    return _plain(field) in BYTEWISE


def key_reader(projection: Projection) -> KeysOf:
    """Cuts rows after their key: equal keys of such types have equal bytes."""
    lengths = [BYTEWISE.get(_plain(field)) for field in projection.keys]
    if projection.binary and None not in lengths:
        # A fifth of the time, and it counts: it is done for each row.
        end = 2 + sum(4 + (length or 0) for length in lengths)
        return lambda rows: [row[:end] for row in rows]
    return lambda rows: [key_bytes(row, projection) for row in rows]


def _plain(field: Field) -> str:
    return _MODIFIER.sub("", field.type_name or "")
