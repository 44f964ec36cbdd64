"""Tells of due times that were not run: a log line and a Warning for all of one reason, and their number."""

from collections.abc import Iterable
from datetime import datetime

from headrace import names
from headrace.logs import logger
from headrace.manifests import Manifest
from headrace.model.times import due_text
from headrace.schedules.plan import Skipped
from headrace_operator.figures import metrics
from headrace_operator.writes.events import Teller

_log = logger(__name__)


class Skips:
    """Tells of them, once they are in the status."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller

    async def tell(self, schedule: Manifest, skipped: Iterable[Skipped], *, now: datetime) -> None:
        """Of the due times that one look at a schedule gave up."""
        for each in skipped:
            _log.warning(
                "due times are not run",
                reason=each.reason.value,
                number=each.count,
                first=due_text(each.first),
                last=due_text(each.last),
            )
            metrics.DUE_TIMES.labels(each.reason.value).inc(each.count)
            await self._teller.warn(
                schedule, names.SCHEDULE_KIND, reason=each.reason.value, message=each.message, now=now
            )
