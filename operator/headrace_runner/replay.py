"""Rows that a target refused are read again by their keys, and sent again: of repaired rows and of a repaired index."""

from collections.abc import Callable

from headrace.errors import PermanentError
from headrace_runner.identity import Identity, other_rows
from headrace_runner.protocols import Checkpoint, Source, Target

CHUNK = 1000
"""Keys that are asked for at once."""


def replay(
    source: Source,
    target: Target,
    put_aside_by: Identity | None,
    check: Callable[[], None],
    tell: Callable[[Checkpoint], None],
) -> None:
    """Sends what was put aside; `check` raises to stop, `tell` hears how far it is.

    `put_aside_by` is the checkpoint's identity: raises PermanentError where its keys are those of other rows.
    """
    projection = target.prepare(source.describe())
    if projection.documents is None:
        raise PermanentError("Only rows that an index refused can be replayed", field="kind")
    why = None if put_aside_by is None else other_rows(put_aside_by, target.identity())
    if why is not None:
        message = f"The rows that were put aside are not those that would be read: {why}. Run the pipeline first"
        raise PermanentError(message, field="kind")
    source.check(projection)
    keys = target.refused_keys()
    for start in range(0, len(keys), CHUNK):
        check()
        chunk = keys[start : start + CHUNK]
        tell(target.replay(chunk, source.read_keys(projection, chunk)))
