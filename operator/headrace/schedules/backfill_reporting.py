"""What a backfill's status says."""

from headrace.model.backfill import BackfillPhase, BackfillSpec, BackfillStatus
from headrace.model.conditions import Condition, ConditionType, Reason, condition, merge
from headrace.model.times import to_text
from headrace.schedules.backfill_seen import BackfillSeen, Fault
from headrace.schedules.tally import Tally

MOST_SHOWN = 20
"""Failed runs that the status names."""
FINAL = frozenset({BackfillPhase.SUCCESS, BackfillPhase.FAILED})


def status_of(seen: BackfillSeen, spec: BackfillSpec, tally: Tally, *, begins: bool) -> BackfillStatus:
    """The status of one that can be run; `begins`: with this look runs are made."""
    over = tally.succeeded + len(tally.failed)
    began = bool(begins or tally.active or seen.status.started_at)
    phase = _phase(spec, tally, over=over == tally.total, began=began)
    is_final = phase in FINAL
    return BackfillStatus(
        observed_generation=seen.generation,
        phase=phase,
        total=tally.total,
        succeeded=tally.succeeded,
        failed=len(tally.failed),
        active=tally.active,
        existing=tally.existing,
        progress=f"{over} of {tally.total}" + (f", {len(tally.failed)} failed" if tally.failed else ""),
        failed_runs=tally.failed[-MOST_SHOWN:],
        started_at=seen.status.started_at or (to_text(seen.now) if began else None),
        finished_at=(seen.status.finished_at or to_text(seen.now)) if is_final else None,
        conditions=_conditions(seen, phase, None, f"{len(tally.failed)} of {tally.total} runs failed"),
    )


def _phase(spec: BackfillSpec, tally: Tally, *, over: bool, began: bool) -> BackfillPhase:
    if over:
        return BackfillPhase.FAILED if tally.failed else BackfillPhase.SUCCESS
    if spec.suspend:
        return BackfillPhase.PAUSED
    return BackfillPhase.RUNNING if began else BackfillPhase.PENDING


def status_with_fault(seen: BackfillSeen, fault: Fault) -> BackfillStatus:
    """The status of one that can't be run now; what was counted before stays."""
    phase = BackfillPhase.FAILED if fault.is_final else seen.status.phase or BackfillPhase.PENDING
    finished_at = seen.status.finished_at or to_text(seen.now)
    return seen.status.model_copy(
        update={
            "observed_generation": seen.generation,
            "phase": phase,
            "finished_at": finished_at if fault.is_final else seen.status.finished_at,
            "conditions": _conditions(seen, phase, fault, fault.message),
        }
    )


def _conditions(seen: BackfillSeen, phase: BackfillPhase, fault: Fault | None, failure: str) -> list[Condition]:
    ready = (False, fault.reason, fault.message) if fault else (True, Reason.VALID, "")
    failed_for = fault.reason if fault else Reason.RUNS_FAILED
    message = failure if fault else f"{failure}; raise spec.retry to run them again"
    active = Reason.PAUSED if phase == BackfillPhase.PAUSED else fault.reason if fault else Reason.RUNS_ACTIVE
    findings = {
        ConditionType.READY: ready,
        ConditionType.COMPLETE: {
            BackfillPhase.SUCCESS: (True, Reason.SUCCEEDED, "all runs have succeeded"),
            BackfillPhase.FAILED: (False, failed_for, message),
        }.get(phase, (False, active, "")),
        ConditionType.FAILED: {
            BackfillPhase.SUCCESS: (False, Reason.SUCCEEDED, "all runs have succeeded"),
            BackfillPhase.FAILED: (True, failed_for, message),
        }.get(phase, (False, active, "")),
    }
    now = to_text(seen.now)
    new = [condition(t, *finding, now=now, generation=seen.generation) for t, finding in findings.items()]
    return merge(seen.status.conditions, new)
