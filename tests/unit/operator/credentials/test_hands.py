"""A run's Secret is there before its Job is, and a run that goes on gets the logins of now."""

import dataclasses
from datetime import UTC, datetime

import pytest

from headrace import names
from headrace.connections.problem import NoWayInError
from headrace.lifecycle.actions import CreateJob, DropSecret, ResumeJob
from headrace.lifecycle.observed import JobSeen, Limits, Observed, PipelineSeen, RunSeen
from headrace.model.pipeline import PipelineSpec
from headrace.model.run import RunJob, RunSpec, RunStatus
from headrace_operator.figures.tally import Tally
from headrace_operator.index import Index
from headrace_operator.pipelines.apply import Hands
from headrace_operator.pipelines.observe import Sight
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
