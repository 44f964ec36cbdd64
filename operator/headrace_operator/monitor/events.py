"""Events about sources and destinations, for what has turned. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from headrace.model.conditions import ConditionType
from headrace_operator.monitor.statuses import find
from headrace_operator.monitor.subjects import EndStatus

_BAD = {ConditionType.READY: "False", ConditionType.SLOT_HEALTHY: "False", ConditionType.WAL_PRESSURE: "True"}
"""By condition: the status that people ought to hear of."""


@dataclass(frozen=True, slots=True)
class News:
    """What an Event says."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


def news(before: EndStatus, after: EndStatus) -> Iterator[News]:
    """What turned bad, or bad in another way; and that there is a way in again."""
    for type_, bad in _BAD.items():
        old, new = find(before.conditions, type_), find(after.conditions, type_)
        if new is None:
            continue
        if new.status == bad and (old is None or (old.status, old.reason) != (new.status, new.reason)):
            yield News("Warning", new.reason, new.message)
        elif type_ == ConditionType.READY and new.status == "True" and old is not None and old.status == "False":
            yield News("Normal", new.reason, new.message)
