"""What a schedule's status says in conditions."""

from headrace.model.conditions import Condition, ConditionType, Reason, condition, merge
from headrace.model.times import to_text
from headrace.schedules.observed import ScheduleSeen

Finding = tuple[bool, Reason, str]
"""A condition's status, reason and message; without a message the reason's sentence stands for it."""


def schedule_conditions(seen: ScheduleSeen, *, waits: int) -> list[Condition]:
    """Ready, Suspended and Waiting; `waits` is the number of due times that have to wait."""
    findings = {
        ConditionType.READY: _ready(seen),
        ConditionType.SUSPENDED: _suspended(seen),
        ConditionType.WAITING: _waiting(waits),
    }
    now = to_text(seen.now)
    new = [condition(t, *finding, now=now, generation=seen.generation) for t, finding in findings.items()]
    return merge(seen.status.conditions, new)


def _ready(seen: ScheduleSeen) -> Finding:
    if seen.fault:
        return False, Reason.INVALID_SPEC, seen.fault
    if seen.pipeline is None:
        name = seen.spec.pipeline if seen.spec else ""
        return False, Reason.PIPELINE_MISSING, f"the pipeline '{name}' does not exist: its due times are not run"
    if seen.pipeline.streaming:
        return False, Reason.NOT_SUPPORTED, "a pipeline of mode streaming runs all the time: it can't be scheduled"
    return True, Reason.VALID, ""


def _suspended(seen: ScheduleSeen) -> Finding:
    if seen.spec and not seen.spec.enabled:
        return True, Reason.DISABLED, "spec.enabled is false: it is never due"
    if seen.pipeline and seen.pipeline.suspended:
        return True, Reason.PIPELINE_PAUSED, "the pipeline is paused: due times are skipped"
    if seen.pipeline and not seen.pipeline.enabled:
        return True, Reason.PIPELINE_DISABLED, "the pipeline's spec.enabled is false: due times are skipped"
    return False, Reason.NOT_SUSPENDED, ""


def _waiting(waits: int) -> Finding:
    if not waits:
        return False, Reason.NOTHING_WAITS, ""
    return True, Reason.RUNS_UNFINISHED, f"{waits} due time{'s' * (waits > 1)} to be run when a run is over"
