"""Goes through the due times that came since the last look: which are run, which are not, and why."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from headrace.model.base import seconds
from headrace.model.conditions import Reason
from headrace.model.schedule import CatchUp
from headrace.model.times import from_text
from headrace.schedules.observed import ScheduleSeen
from headrace.schedules.stretches import Timeline

ON_TIME = timedelta(seconds=30)
"""A due time that is attended to so soon is not late."""
MOST_WAITING = 100
"""So many due times wait in the status; further ones wait before the cursor."""
MOST_A_LOOK = 10_000
"""So many due times are accounted for in one look, so that no outage is too long: 30 ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """What became of the due times."""

    cursor: datetime
    """All up to here are accounted for."""
    waiting: tuple[datetime, ...]
    """To be run, oldest first: those that waited and have no run yet, and those that came."""
    not_run: tuple[tuple[datetime, Reason], ...]
    """Oldest first."""
    reached: bool
    """All that are due by now were gone through."""
    settled: bool
    """None of a former specification are left."""
    room: bool
    """False: the next one has to wait before the cursor until there is room to wait in the status."""
    latest_made: datetime | None
    """The last of those that have a run."""

    @property
    def counts(self) -> Mapping[Reason, int]:
        """How many were not run for each reason."""
        return Counter(reason for _, reason in self.not_run)


def skip_reason(seen: ScheduleSeen) -> Reason | None:
    """Why nothing that is due now is run, whatever catchUp says."""
    facts = seen.pipeline
    reasons = {
        Reason.INVALID_SPEC: bool(seen.fault),
        Reason.DISABLED: seen.spec is not None and not seen.spec.enabled,
        Reason.PIPELINE_MISSING: facts is None,
        Reason.NOT_SUPPORTED: facts is not None and facts.streaming,
        Reason.PIPELINE_PAUSED: facts is not None and facts.suspended,
        Reason.PIPELINE_DISABLED: facts is not None and not facts.enabled,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def account(seen: ScheduleSeen, time: Timeline) -> Accounts:
    """Accounts for the due times after the cursor, at most 10,000 of them, and for those that wait."""
    judge = _Judge(seen, time)
    waiting, not_run = _waiting(seen, judge)
    cursor, passed, room = time.cursor, 0, True
    for due in islice(time.due(), MOST_A_LOOK):
        reason = judge.reason(due)
        if due in judge.made:
            judge.note_made(due)
        elif reason is not None:
            not_run.append((due, reason))
        elif len(waiting) < MOST_WAITING:
            waiting.append(due)
        else:
            room = False
            break
        cursor, passed = due, passed + 1
    reached = room and passed < MOST_A_LOOK
    settled = (reached and time.reaches) or cursor >= time.changed_at
    return Accounts(
        cursor=max(cursor, time.changed_at) if settled else cursor,
        waiting=tuple(waiting),
        not_run=tuple(sorted(not_run)),
        reached=reached,
        settled=settled,
        room=room,
        latest_made=judge.latest_made,
    )


def _waiting(seen: ScheduleSeen, judge: "_Judge") -> tuple[list[datetime], list[tuple[datetime, Reason]]]:
    waiting: list[datetime] = []
    not_run: list[tuple[datetime, Reason]] = []
    for due in sorted(set(filter(None, map(from_text, seen.status.waiting)))):
        reason = judge.reason_to_stop_waiting(due)
        if due in judge.made:
            judge.note_made(due)
        elif reason is not None:
            not_run.append((due, reason))
        else:
            waiting.append(due)
    return waiting, not_run


class _Judge:
    """Says of a due time why it is not run, if it is not."""

    def __init__(self, seen: ScheduleSeen, time: Timeline) -> None:
        spec = seen.spec
        self.made, self.latest_made = seen.made, from_text(seen.status.last_run_at)
        self._skip = skip_reason(seen)
        self._disabled = self._skip == Reason.DISABLED
        begins = seen.now - seen.delay
        self._on_time_from = begins - ON_TIME
        deadline = spec.starting_deadline if spec else None
        self._too_late_before = begins - timedelta(seconds=seconds(deadline)) if deadline else None
        self._catch_up = spec.catch_up if spec else CatchUp.NONE
        self._latest_late = time.last_until(self._on_time_from - timedelta(microseconds=1))

    def note_made(self, due: datetime) -> None:
        self.latest_made = max(due, self.latest_made or due)

    def reason_to_stop_waiting(self, due: datetime) -> Reason | None:
        """Of one that was to be run: a pause, or a pipeline that is gone, only lets it wait longer."""
        return Reason.DISABLED if self._disabled else self._deadline(due)

    def reason(self, due: datetime) -> Reason | None:
        return self._skip or self._deadline(due) or (self._late(due) if due < self._on_time_from else None)

    def _deadline(self, due: datetime) -> Reason | None:
        is_over = self._too_late_before is not None and due < self._too_late_before
        return Reason.DEADLINE_EXCEEDED if is_over else None

    def _late(self, due: datetime) -> Reason | None:
        if self._catch_up == CatchUp.ALL or (self._catch_up == CatchUp.LAST and due == self._latest_late):
            return None
        return Reason.MISSED
