"""Headrace on a Kubernetes: a run from its request to its final state, on the same server and with the same rows."""

import os
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from headrace_bench.cases import DEFAULT_BATCH, Case, holding, running
from headrace_bench.data import QUERY, TABLE, Before
from headrace_bench.place import Place
from headrace_bench.process import ProgramError, Took
from headrace_bench.server import SOURCE, TARGET
from headrace_local.api import Api
from headrace_local.kubectl import Kubectl
from headrace_local.machine import leftovers, lifecycle
from headrace_local.machine.platform import DSN_SECRET
from headrace_local.machine.status import Status
from headrace_local.waiting import wait_for

NAMES = {"cluster-empty": Before.EMPTY, "cluster-unchanged": Before.SAME}
_TITLES = {Before.EMPTY: "on the cluster: empty target", Before.SAME: "on the cluster: nothing changed"}
# A state that is looked for more often would cost the run a core's share.
_EVERY_SECONDS = 0.1
_LONGEST_SECONDS = 900


@contextmanager
def started(place: Place, say: Callable[[str], None]) -> Iterator[Status]:
    """The local cluster, with the benchmark's databases as source and target; gone afterwards.

    Raises LocalError where this machine can't run one.
    """
    leftovers.remove("bench")
    name = leftovers.name_for("bench", os.getpid())
    source, target = place.server.dsn(SOURCE), place.server.dsn(TARGET)
    settings = (f"ALLOWED_TARGET_TABLES={TABLE}", f"HEADRACE_SOURCE_DSN={source}", f"HEADRACE_TARGET_DSN={target}")
    try:
        status = lifecycle.up(lifecycle.Wish(name=name, settings=settings), say)
        kubectl = Kubectl(tuple(shlex.split(status.kubectl or "")), status.kubeconfig or "", status.namespace)
        # Operator and API know them by their settings, the runs by this Secret.
        kubectl.patch("secret", DSN_SECRET, {"stringData": {"source": source, "target": target}})
        yield status
    finally:
        lifecycle.down(name)


def cases(status: Status) -> tuple[Case, ...]:
    """Each with the bare runner's same work beside it."""
    run = _Runs(status.api or "")
    return tuple(
        Case(name, f"{_TITLES[before]}, batch {DEFAULT_BATCH:,}", holding(before), run, bare=running(DEFAULT_BATCH))
        for name, before in NAMES.items()
    )


@dataclass(frozen=True, slots=True)
class _Runs:
    """Makes a pipeline and measures its first run."""

    address: str

    def __call__(self, place: Place) -> Took:
        with Api(self.address) as api:
            pipeline = api.create(
                name=f"events_{place.next_number()}", mode="full", target_table=TABLE, batch_size=DEFAULT_BATCH,
                source_query=QUERY,
            )["id"]  # fmt: skip
            api.wait_for_status(pipeline, "IDLE", seconds=60)
            asked = time.monotonic()
            run = api.run(pipeline)["run_id"]
            final = self._end(api, pipeline, run)
            seconds = time.monotonic() - asked
            api.call("DELETE", f"/pipelines/{pipeline}")
        if final["status"] != "SUCCESS":
            raise ProgramError(f"the run on the cluster ended {final['status']}: {final['error_message']}")
        return Took(seconds, None, None)

    def _end(self, api: Api, pipeline: str, run: str) -> dict[str, object]:
        def look() -> dict[str, object] | None:
            found = api.one_run(pipeline, run)
            return found if found["status"] in ("SUCCESS", "FAILED", "CANCELLED") else None

        return wait_for(f"the end of run {run}", look, seconds=_LONGEST_SECONDS, every=_EVERY_SECONDS)
