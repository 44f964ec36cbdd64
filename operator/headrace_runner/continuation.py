"""Where a run begins: after the last committed row, or from the start. Pure."""

import dataclasses

from headrace.runspec import RunSpec
from headrace_runner.protocols import Checkpoint, Counters, Identity, Position, Start

CANCELLED = "CANCELLED"


def depends_on_previous(checkpoint: Checkpoint, spec: RunSpec) -> bool:
    """Whether the status of the run that wrote the checkpoint has a say."""
    return spec.mode == "full" and checkpoint.run_id not in (None, spec.run_id) and not checkpoint.done


def start_of(checkpoint: Checkpoint, spec: RunSpec, identity: Identity, previous_status: str | None) -> Start:
    """What a checkpoint means for this run; `previous_status` is that of the run that wrote it."""
    same_run = checkpoint.run_id == spec.run_id
    if not _is_usable(checkpoint, spec, identity) or not (same_run or _may_follow(checkpoint, spec, previous_status)):
        return Start(identity=identity, position=Position(), counters=Counters())
    counters = checkpoint.counters if same_run else Counters()
    return Start(identity=identity, position=checkpoint.position, counters=counters)


def _is_usable(checkpoint: Checkpoint, spec: RunSpec, identity: Identity) -> bool:
    """Whether the position is one in what this run reads and writes."""
    if checkpoint.identity is None or not identity.key_columns:
        return False
    if spec.mode == "incremental":
        # A changed query keeps its cursor.
        return dataclasses.replace(checkpoint.identity, fingerprint=identity.fingerprint) == identity
    return checkpoint.identity == identity


def _may_follow(checkpoint: Checkpoint, spec: RunSpec, previous_status: str | None) -> bool:
    """Whether a run may go on where an earlier one ended."""
    if spec.restart:
        return False
    return spec.mode == "incremental" or not (checkpoint.done or previous_status == CANCELLED)
