"""The status of a source or destination after a look. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from headrace.model.conditions import Condition, ConditionType, Reason, condition, merge
from headrace.model.connection import ConnectionSeen
from headrace.model.source import SlotSeen, SourceStatus
from headrace.model.times import from_text, to_text
from headrace_operator.monitor.sights import Sight
from headrace_operator.monitor.subjects import EndStatus
from headrace_operator.monitor.verdicts import Verdict, not_measured
from headrace_operator.monitor.wal import Wal

MOST_SLOTS = 50
WRITE_EVERY = timedelta(minutes=5)
"""How often numbers and times are written while nothing else changes: fifty sources would write each second."""
_MOST_LENGTH = 2000
_SINCE = " (since "
_WORDED = frozenset({ConditionType.READY, ConditionType.CAN_CREATE, ConditionType.SOURCE_READ_ONLY})
"""Conditions whose messages say what to do, which may change while reason and status do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a look ended: with a sight, or with the reason why there is none."""

    at: datetime
    generation: int
    pipelines: int
    connection: ConnectionSeen | None = None
    """Where it leads; None: that is not known now, as while a Secret is missing."""
    sight: Sight | None = None
    wal_verdicts: tuple[Verdict, ...] = ()
    wal: Wal | None = None
    reason: Reason | None = None
    """Why there is no way in."""
    message: str = ""
    next_seconds: float = 0.0
    """When it is tried again."""

    @property
    def failure(self) -> Reason | None:
        """Why it is not ready."""
        if self.reason is not None or self.sight is None:
            return self.reason
        return next((v.reason for v in self.sight.verdicts if v.type == ConditionType.READY), None)


def status_after(before: EndStatus, outcome: Outcome) -> EndStatus:
    """The status as it is to be, of the kind that it was."""
    changes: dict[str, Any] = {
        "observed_generation": outcome.generation,
        "connection": _place(before, outcome),
        "pipelines": outcome.pipelines,
        "checked_at": to_text(outcome.at),
        "conditions": _conditions(before, outcome),
    }
    if outcome.sight is not None:
        changes["server_version"] = outcome.sight.server_version
    elif _leads_elsewhere(before, outcome):
        changes["server_version"] = None
    if isinstance(before, SourceStatus):
        changes |= _numbers(before, outcome)
    return before.model_copy(update=changes)


def _place(before: EndStatus, outcome: Outcome) -> ConnectionSeen | None:
    """Where it leads: a Secret that is missing for a moment does not move the server, another specification may."""
    is_as_asked = outcome.generation == before.observed_generation
    return before.connection if outcome.connection is None and is_as_asked else outcome.connection


def _leads_elsewhere(before: EndStatus, outcome: Outcome) -> bool:
    """Whether what was seen before was seen at another server, or as another role."""
    place = _place(before, outcome)
    return place is None or place != before.connection


def _numbers(before: SourceStatus, outcome: Outcome) -> dict[str, Any]:
    """What to show of the WAL: what was measured last, but never another server's."""
    if outcome.wal is not None:
        return _measured(outcome.wal)
    return {"slots": [], "wal_bytes": None, "measured_at": None} if _leads_elsewhere(before, outcome) else {}


def is_due(before: EndStatus, after: EndStatus, now: datetime) -> bool:
    """Whether to write: at once when something turned, else from time to time."""
    if _identity(before) != _identity(after):
        return True
    checked_at = from_text(before.checked_at)
    # Also one that is yet to come: the clock was set back.
    return checked_at is None or abs(now - checked_at) >= WRITE_EVERY


def find(conditions: Iterable[Condition], type_: ConditionType) -> Condition | None:
    """The condition of a type."""
    return next((c for c in conditions if c.type == type_), None)


def _identity(status: EndStatus) -> tuple[Any, ...]:
    slots = [(s.name, s.wal_status) for s in status.slots] if isinstance(status, SourceStatus) else []
    return (
        status.observed_generation,
        status.connection,
        status.server_version,
        status.pipelines,
        sorted((c.type, c.status, c.reason, _steady(c)) for c in status.conditions),
        sorted(slots, key=str),
    )


def _steady(found: Condition) -> str:
    """What of a message is news by itself: no amount, and not when it is tried again."""
    return found.message.partition(_SINCE)[0] if found.type in _WORDED else ""


def _conditions(before: EndStatus, outcome: Outcome) -> list[Condition]:
    verdicts = {v.type: v for v in _verdicts(before, outcome)}
    new = [
        condition(
            v.type, v.status, v.reason, v.message[:_MOST_LENGTH], now=to_text(outcome.at), generation=outcome.generation
        )
        for v in verdicts.values()
    ]
    # What was found of the role before stays until it is found anew, but not of a role elsewhere.
    kept = [] if _leads_elsewhere(before, outcome) else [c for c in before.conditions if c.type not in verdicts]
    return merge(before.conditions, new) + kept


def _verdicts(before: EndStatus, outcome: Outcome) -> list[Verdict]:
    if outcome.sight is None:
        reason = outcome.reason or Reason.CONNECTION_FAILED
        ready = Verdict(ConditionType.READY, reason, _told(before, outcome), status=False)
        return [ready, *(not_measured("There is no way in") if isinstance(before, SourceStatus) else ())]
    version = outcome.sight.server_version
    ready = Verdict(ConditionType.READY, Reason.CONNECTED, f"{version} let us in" if version else "", status=True)
    return [ready, *outcome.wal_verdicts, *outcome.sight.verdicts]


def _told(before: EndStatus, outcome: Outcome) -> str:
    ready = find(before.conditions, ConditionType.READY)
    since = ready.last_transition_time if ready and ready.status == "False" else to_text(outcome.at)
    sentence = outcome.message.rstrip(".")
    return f"{sentence}{_SINCE}{since[:19]}Z; tried again within {max(1, round(outcome.next_seconds))} s)"


def _measured(wal: Wal) -> dict[str, Any]:
    slots = [
        SlotSeen(
            name=each.slot.name,
            active=each.slot.active,
            wal_bytes=each.slot.wal_bytes,
            wal_status=each.slot.wal_status,
            seconds_left=each.seconds_left,
        )
        for each in wal.slots[:MOST_SLOTS]
    ]
    return {"slots": slots, "wal_bytes": wal.wal_bytes, "measured_at": to_text(wal.at)}
