"""Starting a run while others write to it."""

import asyncio

import pytest

from headrace.cluster import Listing
from headrace.errors import ConflictError
from headrace_api.auth.access import Access
from headrace_api.auth.authorizers import Unrestricted
from headrace_api.auth.callers import ANYBODY
from headrace_api.resources import Resources
from headrace_api.services.executing import Executor
from headrace_api.services.executions import Executions
from headrace_api.services.running import Starter

PIPELINE, RUN = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"
MADE = {"resourceVersion": "1", "creationTimestamp": "2026-03-01T12:00:00Z"}


class Kubernetes:
    """Has one pipeline and one run that waits for its start; somebody writes to it just before others do."""

    def __init__(self, *, meanwhile=None):
        spec = {"name": "films", "targetTable": "a.b", "sourceQuery": "SELECT 1"}
        pipeline = {"metadata": {"name": "p", "uid": PIPELINE, **MADE}, "spec": spec}
        run = {"metadata": {"name": "r", "uid": RUN, **MADE}, "spec": {"pipeline": "p", "suspend": True}}
        self.kept = {("etlpipelines", "p"): pipeline, ("etlruns", "r"): run}
        self.meanwhile = meanwhile
        self.version = 1

    async def list(self, plural):
        return Listing([kept for (kind, _), kept in self.kept.items() if kind == plural], str(self.version))

    async def get(self, plural, name):
        return self.kept.get((plural, name))

    async def patch(self, plural, name, patch, *, resource_version=None):
        await asyncio.sleep(0)
        if self.meanwhile is not None:
            others, self.meanwhile = self.meanwhile, None
            self._write(plural, name, others)
        if resource_version not in {None, self.kept[plural, name]["metadata"]["resourceVersion"]}:
            raise ConflictError("moved on")
        return self._write(plural, name, patch)

    def _write(self, plural, name, patch):
        self.version += 1
        before = self.kept[plural, name]
        metadata = {**before["metadata"], "resourceVersion": str(self.version)}
        merged = {part: {**before.get(part, {}), **patch.get(part, {})} for part in ("spec", "status")}
        self.kept[plural, name] = {"metadata": metadata, **merged}
        return self.kept[plural, name]

    @property
    def spec(self):
        return self.kept["etlruns", "r"]["spec"]


class Empty:
    """A store that has heard of no run."""

    async def find_run(self, scope, run_id):
        return None


async def start(kubernetes, timeout_seconds=None):
    resources = Resources(kubernetes).on_behalf_of(Access(ANYBODY, Unrestricted(), namespace="headrace"))
    executions = Executions(resources, Empty(), scope=("i", "n"))
    starter = Starter(resources, Empty(), installation="i")
    await Executor(resources, executions, starter, installation="i").start(RUN, timeout_seconds)


async def test_of_two_starts_at_once_one_says_how_long_it_may_take():
    kubernetes = Kubernetes()
    await asyncio.gather(start(kubernetes, 5), start(kubernetes))
    assert (kubernetes.spec["suspend"], kubernetes.spec["timeoutSeconds"]) == (False, 5)


async def test_a_start_finds_what_the_operator_has_written_meanwhile():
    kubernetes = Kubernetes(meanwhile={"status": {"phase": "PENDING"}})
    await start(kubernetes, 5)
    assert kubernetes.spec["suspend"] is False


@pytest.mark.parametrize("others", [{"spec": {"cancel": True}}, {"status": {"phase": "CANCELLED"}}])
async def test_a_start_that_comes_just_behind_a_cancel_is_refused(others):
    kubernetes = Kubernetes(meanwhile=others)
    with pytest.raises(ConflictError):
        await start(kubernetes)
    assert kubernetes.spec["suspend"] is True
