"""Where a run begins: after the last committed row, or from the start, and then why. Pure."""

import re
from dataclasses import dataclass

from headrace.runspec import Mode, RunSpec
from headrace_runner.identity import Identity, other_key, other_source
from headrace_runner.protocols import Checkpoint, Counters, Position, Start

CANCELLED = "CANCELLED"
LEFT_ALONE = "rows up to the cursor stay as they are; a restart reads all of them again"
_REBUILD = "rows up to the cursor stay as they are; a rebuild loads all of them again"
"""With a version column a restart would not write what is no newer."""
_INTEGERS = ("smallint", "integer", "bigint")
_STRINGS = ("text", "character varying")
_DIGITS = re.compile(r"\([0-9, ]*\)")
_ALIKE = {**dict.fromkeys(_INTEGERS, "integer"), **dict.fromkeys(_STRINGS, "text")}
"""Types of one order: a column that became a bigint is no reason to read everything again."""


@dataclass(frozen=True, slots=True)
class Continuation:
    """Where a run begins, and what became of the position that the checkpoint has."""

    start: Start
    why_over: str | None = None
    """Why that position is not used; None when it is, or when there is nothing to go on from."""
    caution: str | None = None
    """What a person should know of rows that were written before."""


def over_without_row(identity: Identity) -> Continuation:
    """Where a full run begins whose last committed row is gone from the target, and so perhaps all before it."""
    over = Start(identity=identity, position=Position(), counters=Counters())
    return Continuation(over, "the target no longer has the last row that was written (it was emptied?)")


def depends_on_previous(checkpoint: Checkpoint, spec: RunSpec) -> bool:
    """Whether the status of the run that wrote the checkpoint has a say."""
    return spec.mode == Mode.FULL and checkpoint.run_id not in (None, spec.run_id) and not checkpoint.done


def continuation_of(
    checkpoint: Checkpoint, spec: RunSpec, identity: Identity, previous_status: str | None
) -> Continuation:
    """What a checkpoint means for this run; `previous_status` is that of the run that wrote it."""
    over = Start(identity=identity, position=Position(), counters=Counters())
    if checkpoint.identity is None or _ended_well(checkpoint, spec):
        return Continuation(over)
    same_run = checkpoint.run_id == spec.run_id
    why = _other_identity(checkpoint.identity, identity, spec)
    if why is None and not same_run:
        why = _not_after(spec, previous_status)
    if why is not None or not identity.key_columns:
        return Continuation(over, why if checkpoint.position.key is not None else None)
    counters = checkpoint.counters if same_run else Counters()
    start = Start(identity=identity, position=checkpoint.position, counters=counters)
    return Continuation(start, caution=_caution(checkpoint.identity, identity, spec))


def _ended_well(checkpoint: Checkpoint, spec: RunSpec) -> bool:
    """Whether the checkpoint is that of a full run which is over: the next one reads everything anyway."""
    return spec.mode == Mode.FULL and checkpoint.run_id != spec.run_id and checkpoint.done


def _caution(old: Identity, new: Identity, spec: RunSpec) -> str | None:
    """Of an incremental run: a full one would have started over."""
    if old.fingerprint == new.fingerprint and (old.columns is None or set(old.columns) == set(new.columns or ())):
        return None
    return f"The query or the target's columns changed: {LEFT_ALONE if spec.version_column is None else _REBUILD}"


def _not_after(spec: RunSpec, previous_status: str | None) -> str | None:
    """Why this run does not go on where an earlier one ended."""
    if spec.restart:
        return "a restart was asked for"
    if spec.mode == Mode.FULL and previous_status == CANCELLED:
        return "the run before was cancelled"
    return None


def _other_identity(old: Identity, new: Identity, spec: RunSpec) -> str | None:
    """Why a position of the old identity means nothing in the new one."""
    # First: of another source an index may be made anew, and that would be no reason.
    why = other_source(old, new)
    if why is not None:
        return why
    if old.target_id != new.target_id:
        # Its name is not kept: a renamed table is still the same.
        return "the target is another table now (a new name, or dropped and made again)"
    changes = [*_other_cursor(old, new), *_other_key(old, new)]
    # A changed query keeps its cursor.
    if not changes and spec.mode == Mode.FULL and old.fingerprint != new.fingerprint:
        return "the query, its parameters or the target changed"
    if not changes and spec.mode == Mode.FULL and old.columns is not None:
        names = [column.partition(" ")[2] for column in new.columns or () if column not in old.columns]
        changes = [f'column "{name}" of the target was dropped and added again' for name in names]
    return "; ".join(changes) or None


def _other_key(old: Identity, new: Identity) -> list[str]:
    if why := other_key(old, new):
        return [why]
    types = zip(new.key_columns, old.key_types, new.key_types, strict=False)
    return [
        f'the type of key column "{name}" was {before} and is now {now}'
        for name, before, now in types
        if _order(before) != _order(now)
    ]


def _other_cursor(old: Identity, new: Identity) -> list[str]:
    if old.incremental_key != new.incremental_key:
        return [f"the incremental key was {_word(old.incremental_key)} and is now {_word(new.incremental_key)}"]
    # A checkpoint of an older version does not know the type.
    if old.cursor_type is None or new.cursor_type is None or _order(old.cursor_type) == _order(new.cursor_type):
        return []
    name = _word(new.incremental_key)
    return [f"the type of the incremental key {name} was {old.cursor_type} and is now {new.cursor_type}"]


def _order(type_name: str) -> str:
    """What stands for all types of one order; digits, as in `timestamp(3) with time zone`, are no part of that."""
    name = _DIGITS.sub("", type_name)
    return _ALIKE.get(name, name)


def _word(name: str | None) -> str:
    return "none (a full run)" if name is None else f'"{name}"'
