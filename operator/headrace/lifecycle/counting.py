"""How far a run is, as far as that is to be written now."""

from headrace.lifecycle.case import Case
from headrace.lifecycle.observed import ProgressSeen
from headrace.lifecycle.streams import has_caught_up_since
from headrace.model.run import RunProgress
from headrace.model.times import from_text, to_text


def counted_at_the_end(case: Case) -> RunProgress | None:
    """The run's progress; the pod's last word counts when the store was away to hear it."""
    progress, pod = counted(case, force=True), case.pod
    if pod is None or pod.batches <= (progress.batches if progress else 0):
        return progress
    counts = {name: getattr(pod, name) for name in ("rows_read", "rows_written", "bad_rows", "batches")}
    return (progress or RunProgress()).model_copy(update={**counts, "updated_at": to_text(case.now)})


def counted(case: Case, *, force: bool) -> RunProgress | None:
    """The run's progress, as far as it is to be written now: seldom, unless `force` or somebody took over."""
    seen, old = case.progress, case.status.progress
    # Before it takes the fence a runner does not know yet how far the run is.
    if not seen.epoch or (old is not None and not seen.holder):
        return old
    new = RunProgress(
        rows_read=seen.rows_read,
        rows_written=seen.rows_written,
        bad_rows=seen.bad_rows,
        batches=seen.batches,
        takeovers=_takeovers(seen, old),
        holder=seen.holder,
        # A stream at rest catches up each second: that alone is not worth a write.
        caught_up_at=old.caught_up_at if old else None,
    )
    if old is not None and new == old.model_copy(update={"updated_at": None}):
        return old
    since = from_text(old.updated_at) if old else None
    recent = since is not None and case.now - since < case.limits.progress_every
    taken_over = old is not None and old.holder not in {0, new.holder}
    if old is not None and recent and not force and not taken_over:
        return old
    return new.model_copy(update={"updated_at": to_text(case.now)})


def _takeovers(seen: ProgressSeen, old: RunProgress | None) -> int:
    """How often the fence was taken since the last batch, by the present holder too until it commits one."""
    if seen.batches > (old.batches if old else 0):
        return 0
    if has_caught_up_since(seen.caught_up_at, old.caught_up_at if old else None):
        return 0
    if old is None or not old.holder:
        # Before it takes the fence a runner reports as holder 0.
        return 1 if seen.holder else 0
    return old.takeovers + (max(1, seen.holder - old.holder) if seen.holder != old.holder else 0)
