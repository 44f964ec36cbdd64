"""One look at one pipeline: observe, plan, take the steps, and arrange for the next look."""

import asyncio
import dataclasses
import time

import structlog

from headrace import names
from headrace.cluster import Cluster
from headrace.errors import ConflictError, HeadraceError, UnavailableError
from headrace.lifecycle.actions import (
    CreateJob,
    DeleteJob,
    EmitEvent,
    ExpireJob,
    Plan,
    ResumeJob,
    SavePipeline,
    Step,
    SuspendJob,
)
from headrace.lifecycle.holds import Holds
from headrace.lifecycle.observed import Observed
from headrace.lifecycle.plan import plan
from headrace.logs import logger
from headrace.store.store import Store
from headrace_operator.credentials.secrets import RunSecrets
from headrace_operator.figures import metrics
from headrace_operator.figures.tally import Tally
from headrace_operator.index import Index
from headrace_operator.pipelines.apply import Hands
from headrace_operator.pipelines.departed import Departed
from headrace_operator.pipelines.observe import Observer, Sight
from headrace_operator.pipelines.slots import Slots
from headrace_operator.queues.workqueue import AWAY_DELAY, WorkQueue
from headrace_operator.settings import Settings

_log = logger(__name__)
_ROUNDS = 6
"""A plan needs a look at pods, at Secrets, then an epoch, in this order; more would be a fault of ours."""


class Reconciler:
    """Looks at pipelines by name; whatever goes wrong with one is tried again and does not touch the others."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        store: Store,
        observer: Observer,
        index: Index,
        slots: Slots,
        queue: WorkQueue,
        settings: Settings,
        tally: Tally,
        secrets: RunSecrets,
        departed: Departed,
    ) -> None:
        self._cluster, self._store, self._observer, self._index = cluster, store, observer, index
        self._slots, self._queue, self._settings, self._tally = slots, queue, settings, tally
        self._secrets, self._departed = secrets, departed

    async def handle(self, name: str) -> None:
        """Looks at a pipeline; raises nothing but what ends the process."""
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(pipeline=name)
        started = time.monotonic()
        try:
            outcome = await self._try(name)
        except ConflictError as error:
            _log.debug("what was read is old: looking again", reason=error.message)
            self._queue.add(name, delay=0.05)
            outcome = "conflict"
        except UnavailableError as error:
            delay = self._queue.retry(name, longest=AWAY_DELAY)
            why = {"part": error.part, "error": error.message, "notes": error.notes}
            _log.warning("a part is away: trying again", **why, delay=delay)
            outcome = "unavailable"
        except HeadraceError as error:
            delay = self._queue.retry(name)
            _log.error("refused: trying again", error=error.message, delay=delay)
            outcome = "error"
        except Exception:  # noqa: BLE001 - a fault of ours in one pipeline must not stop the others
            delay = self._queue.retry(name)
            _log.exception("a fault: trying again", delay=delay)
            outcome = "error"
        if outcome == "error":
            self._slots.step_back(name)
        metrics.RECONCILES.labels(outcome).inc()
        metrics.RECONCILE_SECONDS.observe(time.monotonic() - started)

    async def _try(self, name: str) -> str:
        sight = await self._observer.observe(name)
        sight, decided = await self._decide(name, sight)
        hands = Hands(
            self._cluster,
            self._store,
            self._index,
            self._settings,
            sight,
            tally=self._tally,
            secrets=self._secrets,
        )
        for step in decided.steps:
            await hands.take(step)
        self._queue.succeed(name)
        _tell(decided, sight.observed)
        if decided.steps:
            self._queue.add(name)
        elif decided.wake_at is not None:
            self._queue.add(name, delay=max(0.1, (decided.wake_at - sight.observed.now).total_seconds()))
        return "changed" if decided.steps else "unchanged"

    async def _decide(self, name: str, sight: Sight) -> tuple[Sight, Plan]:
        observed = sight.observed
        for _ in range(_ROUNDS):
            # From here to `settle` nothing else runs: no two plans take the last slot.
            slots = self._slots
            observed = dataclasses.replace(
                observed,
                busy_elsewhere=slots.elsewhere(name),
                streams_elsewhere=slots.streams_elsewhere(name),
                source_use={source: slots.source_use(source, name) for source in observed.sources},
            )
            decided = plan(observed)
            if not decided.needs:
                self._departed.keep(name, decided.holds)
                slots.settle(name, decided.holds)
                return dataclasses.replace(sight, observed=observed), decided
            observed = await self._observer.find_out(observed, decided.needs)
        raise ConflictError("the plan did not settle")

    async def forget(self, name: str, uid: str) -> None:
        """A pipeline is gone: its history is hidden, as soon as the store can be told."""
        namesake = self._index.named(names.PIPELINE_PLURAL, name)
        if namesake is None or namesake["metadata"]["uid"] == uid:
            # Else what is at work under that name is the other one's, and what is left its first look has kept.
            self._departed.keep(name, Holds())
            self._slots.settle(name, Holds())
        delay = 1.0
        while True:
            try:
                await self._store.mark_deleted(uid)
            except UnavailableError:
                await asyncio.sleep(delay)
                delay = min(30.0, delay * 2)
            else:
                _log.info("the history of a deleted pipeline is hidden", pipeline=name, uid=uid)
                return


def _tell(decided: Plan, observed: Observed) -> None:
    for step in decided.steps:
        _log.info(type(step).__name__, **_words(step, observed))


def _words(step: Step, observed: Observed) -> dict[str, object]:
    wanted = ("run", "job", "attempt", "epoch", "reason", "message")
    words = {name: getattr(step, name) for name in wanted if getattr(step, name, None) is not None}
    status, run_id = getattr(step, "status", None), _run_id(step, observed)
    words |= {"run_id": run_id} if run_id else {}
    return words | ({"phase": status.phase} if status is not None else {})


def _run_id(step: Step, observed: Observed) -> str | None:
    """The run that a step is about."""
    match step:
        case SavePipeline() | EmitEvent(run=None):
            return None
        case CreateJob(run_uid=uid):
            return uid
        case SuspendJob(job=name) | ResumeJob(job=name) | DeleteJob(job=name) | ExpireJob(job=name):
            job = observed.job(name)
            return job.run_uid if job else None
    return step.uid


def key_of(plural: str, resource: dict[str, object]) -> str | None:
    """The name of the pipeline that a pipeline or run is about."""
    if plural == names.PIPELINE_PLURAL:
        metadata = resource["metadata"]
        return str(metadata["name"]) if isinstance(metadata, dict) else None
    spec = resource.get("spec") if plural == names.RUN_PLURAL else None
    # A preview is of none.
    return str(spec["pipeline"]) if isinstance(spec, dict) and spec.get("pipeline") else None
