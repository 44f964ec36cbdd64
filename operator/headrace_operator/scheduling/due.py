"""Makes the runs of due times: each once, however often it is tried."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from headrace import names
from headrace.cluster import Cluster
from headrace.errors import ConflictError
from headrace.lifecycle.due_runs import Cause, DueTime, due_run
from headrace.logs import logger
from headrace_operator.figures import metrics
from headrace_operator.index import Index

CREATED = "Created"
_log = logger(__name__)


class RunMaker:
    """Creates runs; the index knows them before any event tells of them, which then is no news: so it wakes, too."""

    def __init__(self, cluster: Cluster, index: Index, *, installation: str, wake: Callable[[str], None]) -> None:
        """`wake` is given the name of the pipeline that has a run."""
        self._cluster, self._index, self._installation, self._wake = cluster, index, installation, wake

    async def make(
        self,
        pipeline: Mapping[str, Any],
        schedule: Mapping[str, Any],
        due: DueTime,
        *,
        now: datetime,
        cause: Cause | None = None,
    ) -> bool:
        """Makes the run; whether it was not there yet. Raises UnavailableError, InvalidError."""
        body = due_run(pipeline, schedule, due, installation=self._installation, now=now, cause=cause)
        name, due_at = body["metadata"]["name"], body["spec"]["dueAt"]
        try:
            made = await self._cluster.create(names.RUN_PLURAL, body)
        except ConflictError:
            _log.info("the run of a due time is there already", run=name, due_at=due_at)
            return False
        self._index.put(names.RUN_PLURAL, made)
        self._wake(pipeline["metadata"]["name"])
        metrics.DUE_TIMES.labels(CREATED).inc()
        _log.info("a run was made", run=name, run_id=made["metadata"]["uid"], due_at=due_at)
        return True
