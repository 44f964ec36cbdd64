"""Where each due time of a backfill stands."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from headrace import names
from headrace.model.backfill import BackfillSpec, FailedRun
from headrace.model.times import due_text
from headrace.schedules.backfill_seen import BackfillSeen, RunSeen


class Tally:
    """Counts the due times of the range by what their runs have come to."""

    def __init__(self, seen: BackfillSeen, spec: BackfillSpec, due: Iterable[datetime]) -> None:
        self._root = seen.uid if spec.rerun else seen.schedule_uid
        self._retries = spec.retry
        self._runs: Mapping[str, RunSeen] = {run.name: run for run in seen.runs}
        self.total = self.succeeded = self.active = self.existing = 0
        self.pending: list[tuple[datetime, int]] = []
        """With the number of the retry; oldest first."""
        self.failed: list[FailedRun] = []
        for moment in due:
            self.total += 1
            self._count(moment)

    def name(self, moment: datetime, retry: int) -> str:
        """The name of a due time's run."""
        return names.due_run_name(self._root, int(moment.timestamp()), retry)

    def _count(self, moment: datetime) -> None:
        first = self._runs.get(self.name(moment, 0))
        if first is None:
            self.pending.append((moment, 0))
        elif not first.ours:
            self.existing += 1
            self.succeeded += 1
        else:
            self._count_ours(moment, *self._latest(moment, first))

    def _count_ours(self, moment: datetime, retry: int, run: RunSeen) -> None:
        if not run.over:
            self.active += 1
        elif run.succeeded:
            self.succeeded += 1
        elif retry < self._retries:
            self.pending.append((moment, self._retries))
        else:
            self.failed.append(FailedRun(due_at=due_text(moment), run=run.name))

    def _latest(self, moment: datetime, first: RunSeen) -> tuple[int, RunSeen]:
        for retry in range(self._retries, 0, -1):
            run = self._runs.get(self.name(moment, retry))
            if run is not None:
                return retry, run
        return 0, first
