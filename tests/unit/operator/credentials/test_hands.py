"""A run's Secret is there before its Job is, and a run that goes on gets the logins of now."""

import dataclasses
from datetime import UTC, datetime
from unittest.mock import AsyncMock

import pytest
from structlog.testing import capture_logs

from headrace import names
from headrace.cluster.verbs import Listing
from headrace.connections.problem import NoWayInError
from headrace.errors import ForbiddenError
from headrace.lifecycle.actions import CreateJob, DropSecret, Needs, ProvideSecret, ResumeJob
from headrace.lifecycle.observed import JobSeen, Limits, Observed, PipelineSeen, RunSeen
from headrace.model.pipeline import PipelineSpec
from headrace.model.run import RunJob, RunSpec, RunStatus
from headrace_operator.figures.tally import Tally
from headrace_operator.index import Index
from headrace_operator.pipelines.apply import Hands
from headrace_operator.pipelines.observe import Observer, Sight
from headrace_operator.settings import Settings

SECRET = names.run_secret_name("r-1")
CREATE = CreateJob(
    job="j", run="films-1", run_uid="r-1", attempt=1, epoch=7, source="default", destination="dwh",
    target_kind="postgres",
)  # fmt: skip
NOW = datetime(2026, 5, 1, tzinfo=UTC)
PIPELINE = PipelineSeen(
    name="films", uid="p", generation=1, created_at=NOW,
    spec=PipelineSpec(name="Films", target_table="analytics.film_dim", source_query="SELECT 1 AS id"),
)  # fmt: skip


def hands(server, secrets, *, status):
    run = RunSeen(
        name="films-1", uid="r-1", generation=1, created_at=NOW, spec=RunSpec(pipeline="films"), status=status
    )
    observed = Observed(
        now=NOW, limits=Limits(), pipeline=PIPELINE, runs=(run,), jobs=(JobSeen(name="j", run_uid="r-1", attempt=1),)
    )
    parts = (server, None, Index(), Settings(store_dsn="postgresql://store"), Sight(observed, None))
    return Hands(*parts, tally=Tally(lambda _: None), secrets=secrets)


@pytest.fixture
def before():
    """A run of the version before: its Job has its credentials in the environment."""
    return RunStatus(phase="PAUSED", job=RunJob(name="j", attempt=1, epoch=7, active=False))


@pytest.fixture
def paused(before):
    return before.model_copy(update={"source": "default", "destination": "dwh"})


async def test_the_secret_is_there_before_the_job(server, secrets):
    acts = hands(server, secrets, status=RunStatus())
    await acts.take(CREATE)
    assert server.jobs == ["create j"]
    assert server.secrets[SECRET]["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "headrace",
        "headrace.dev/installation": "default",
        "headrace.dev/pipeline": "p",
        "headrace.dev/run": "r-1",
    }
    await acts.take(DropSecret(uid="r-1"))
    assert SECRET not in server.secrets


async def test_a_secret_that_somebody_deleted_is_made_again(server, secrets, paused):
    acts = hands(server, secrets, status=paused)
    await acts.take(CREATE)
    made = server.secrets.pop(SECRET)
    await acts.take(ProvideSecret(run="films-1", uid="r-1"))
    assert server.secrets[SECRET] == made


async def test_a_secret_that_can_not_be_made_again_after_all_is_no_fault(server, secrets, paused):
    """The Secret of an end went between the look and the deed: the pipeline's other runs are none the worse."""
    server.secrets.pop("dwh")
    with capture_logs() as logs:
        await hands(server, secrets, status=paused).take(ProvideSecret(run="films-1", uid="r-1"))
    assert SECRET not in server.secrets
    assert [(entry["log_level"], entry["run"]) for entry in logs] == [("warning", "films-1")]


async def test_that_a_secret_is_gone_is_seen_where_a_pod_may_wait_for_it(server, secrets, paused, monkeypatch):
    acts = hands(server, secrets, status=paused)
    await acts.take(CREATE)
    observer = Observer(cluster=server, store=None, watch=None, index=Index(), limits=Limits(), secrets=secrets)
    run = RunSeen(
        name="films-1", uid="r-1", generation=1, created_at=NOW, spec=RunSpec(pipeline="films"), status=paused
    )
    job = JobSeen(name="j", run_uid="r-1", attempt=1, active=1)

    async def lacks_secret(job):
        observed = Observed(now=NOW, limits=Limits(), pipeline=PIPELINE, runs=(run,), jobs=(job,))
        return (await observer.find_out(observed, Needs(pods=frozenset({"j"})))).pods["j"].lacks_secret

    assert not await lacks_secret(job)
    del server.secrets[SECRET]
    assert await lacks_secret(job)
    assert not await lacks_secret(dataclasses.replace(job, ready=1))
    server.secrets.pop("dwh")
    assert not await lacks_secret(job), "it can't be made"
    asked = AsyncMock(side_effect=ForbiddenError("no"))
    monkeypatch.setattr(secrets, "is_to_be_made", asked)
    assert not await lacks_secret(job), "nobody may tell"
    for over in ({"ready": 1}, {"failed": "BackoffLimitExceeded"}, {"complete": True}, {"finished": True}):
        assert not await lacks_secret(dataclasses.replace(job, **over))
    monkeypatch.setattr(server, "list_pods", AsyncMock(return_value=Listing([], "1")))
    monkeypatch.setattr(server, "list_events", AsyncMock(return_value=Listing([], "1")), raising=False)
    assert not await lacks_secret(job), "no pod waits for it"
    asked.assert_awaited_once()


async def test_without_a_way_in_no_job_is_made(server, secrets):
    server.secrets.pop("dwh")
    with pytest.raises(NoWayInError):
        await hands(server, secrets, status=RunStatus()).take(CREATE)
    assert server.jobs == []


async def test_a_run_that_goes_on_gets_the_logins_of_now(server, secrets, paused):
    acts = hands(server, secrets, status=paused)
    await acts.take(CREATE)
    server.secret("dwh", labels={names.CREDENTIALS_LABEL: "true"}, password="dwh-new")
    await acts.take(ResumeJob(job="j"))
    assert (server.reads("target")["password"], server.jobs) == ("dwh-new", ["create j", "patch j"])


async def test_a_run_of_the_version_before_goes_on_without_a_secret_and_has_one_for_its_next_attempt(
    server, secrets, before
):
    source = server.resources.pop((names.SOURCE_PLURAL, "default"))
    acts = hands(server, secrets, status=before)
    await acts.take(ResumeJob(job="j"))
    assert (server.jobs, SECRET in server.secrets) == (["patch j"], False)
    server.resources[names.SOURCE_PLURAL, "default"] = source
    await acts.take(dataclasses.replace(CREATE, attempt=2))
    assert SECRET in server.secrets
