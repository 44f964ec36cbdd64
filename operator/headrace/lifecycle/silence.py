"""Is the runner still there? Silence is measured by the store's clock, and never while the store itself was away."""

from datetime import datetime, timedelta

from headrace.lifecycle.case import Case
from headrace.lifecycle.moves import earliest

LOOK_AGAIN = timedelta(seconds=10)
LOST_FOR_CERTAIN = 3
"""So many times `lost_after`: then a runner is lost whatever its pod says."""


def silence(case: Case) -> timedelta | None:
    """For how long the runner has said nothing; None when that can't be told, or no pod is ready to say anything."""
    if case.store is None:
        return None
    if case.is_fresh:
        quiet = case.store.now - (case.progress.seen_at or case.store.now)
    elif case.job is not None and case.job.ready:
        started = case.pod.started_at if case.pod and case.pod.started_at else case.spell_start
        quiet = case.now - max(started, case.spell_start)
    else:
        return None
    return max(timedelta(), min(quiet, case.store.available_for))


def must_look(case: Case) -> bool:
    """Whether its pod decides if it is lost."""
    quiet = silence(case)
    return quiet is not None and quiet > case.limits.lost_after and case.pod is None


def is_lost(case: Case) -> bool:
    """Whether the runner is to be given up."""
    quiet = silence(case)
    if quiet is None or quiet <= case.limits.lost_after:
        return False
    return quiet > LOST_FOR_CERTAIN * case.limits.lost_after or (case.pod is not None and case.pod.deleting)


def next_look(case: Case) -> datetime | None:
    """When silence may have grown into something."""
    quiet = silence(case)
    if quiet is None:
        return case.now + case.limits.lost_after
    if quiet <= case.limits.lost_after:
        # A little later, so that the deadline has passed by all clocks.
        return case.now + (case.limits.lost_after - quiet) + timedelta(milliseconds=100)
    certain = case.now + (LOST_FOR_CERTAIN * case.limits.lost_after - quiet) + timedelta(milliseconds=100)
    return earliest(certain, case.now + LOOK_AGAIN)
