"""Conditions, as a plan makes them."""

from datetime import datetime

from headrace.model.conditions import Condition, ConditionType, Reason, condition
from headrace.model.times import to_text

MESSAGE_LIMIT = 1000


def condition_at(
    type_: ConditionType, status: bool | None, reason: Reason, message: str, now: datetime, generation: int
) -> Condition:
    """A condition that is so now; a database's message may be longer than what is shown here."""
    return condition(type_, status, reason, message[:MESSAGE_LIMIT], now=to_text(now), generation=generation)
