"""The books of a schedule: which due times there were, and what became of each."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.e2e.platform.client import moment

from headrace.schedules.due import Schedule, due_between


@dataclass(frozen=True)
class Books:
    """What became of a schedule's due times."""

    due: list[datetime]
    """All there were, up to where the schedule has accounted for them."""
    ran: list[datetime]
    """Of the runs that there are, in the order of their creation."""
    waiting: list[datetime]
    missed: int

    @property
    def fault(self) -> str:
        """What is wrong with them; nothing when each due time ran once or is accounted for."""
        twice = {due for due in self.ran if self.ran.count(due) > 1}
        if twice:
            return f"ran twice: {sorted(twice)}"
        strange = set(self.ran) - set(self.due)
        if strange:
            return f"never due: {sorted(strange)}"
        if self.ran != sorted(self.ran):
            return f"not in order: {self.ran}"
        accounted = len(self.ran) + len(self.waiting) + self.missed
        return "" if accounted == len(self.due) else f"{len(self.due)} were due, {accounted} are accounted for: {self}"


def books(schedule: dict[str, Any], runs: list[dict[str, Any]]) -> Books:
    """The books of an EtlSchedule, with all EtlRuns of the namespace."""
    spec, status = schedule["spec"], schedule["status"]
    created = datetime.fromisoformat(schedule["metadata"]["creationTimestamp"])
    # What was due after the schedule was read may have its run already.
    own = [
        run
        for run in runs
        if run["spec"].get("schedule") == schedule["metadata"]["name"]
        and moment(run["spec"]["dueAt"]) <= moment(status["handledUntil"])
    ]
    own.sort(key=lambda run: run["metadata"]["annotations"]["headrace.dev/created-at"])
    found = Schedule(spec["kind"], spec["expression"], spec["timezone"], created)
    until = moment(status["handledUntil"])
    ran = [moment(run["spec"]["dueAt"]) for run in own]
    return Books(
        due=list(due_between(found, created, until)),
        ran=ran,
        # Saved before its run is made: for a moment it is both.
        waiting=[due for text in status.get("waiting", []) if (due := moment(text)) not in ran],
        missed=status.get("missed", 0),
    )


def next_minute() -> datetime:
    """When the next minute begins."""
    return datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
