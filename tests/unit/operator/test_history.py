"""What the store keeps of a run: what it was asked for, and what its pipeline was then."""

import dataclasses
from datetime import UTC, datetime

import pytest

from headrace import names
from headrace.lifecycle.actions import RecordRun
from headrace.lifecycle.observed import Limits, PipelineSeen, RunSeen
from headrace.lifecycle.specification import run_spec
from headrace.model.pipeline import Edge, Node, PipelineSpec
from headrace.model.run import RunJob, RunSpec, RunStatus
from headrace.runspec import RunKind
from headrace_operator.pipelines.history import run_record
from headrace_operator.settings import Settings

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
UID = "11111111-1111-1111-1111-111111111111"
PIPELINE = PipelineSeen(
    name="films",
    uid=UID,
    generation=1,
    created_at=NOW,
    spec=PipelineSpec(
        name="Films",
        target_table="a.films",
        source_query="SELECT 1 AS id WHERE 1 = %(n)s",
        project="cinema",
        prune=False,
    ),
)
RUN = RunSeen(name="films-1", uid="r", generation=1, created_at=NOW, spec=RunSpec(pipeline="films", params={"n": 1}))
JOB = RunJob(name="etl-r-a2", attempt=2, epoch=7)


def record(run=RUN, pipeline=PIPELINE, *, starts=False, **status):
    spec = run_spec(pipeline, run, Limits(allowed_targets=("a.*",))) if starts else None
    step = RecordRun(
        run=run.name,
        uid=run.uid,
        kind=run.spec.kind.value,
        created_at=run.created_at,
        status=RunStatus(**{"phase": "PENDING", **status}),
        spec=spec,
    )
    return run_record(step, pipeline, run, Settings(store_dsn="postgresql://x"))


def asked(**spec):
    labels = spec.pop("labels", {})
    return dataclasses.replace(RUN, spec=RUN.spec.model_copy(update=spec), labels=labels)


def test_a_run_that_starts_is_kept_with_what_its_pipeline_is():
    kept = record(starts=True, job=JOB)
    assert (kept.project, kept.pipeline_shown, kept.params) == ("cinema", "Films", {"n": 1})
    assert kept.nodes == [["extract", "extract"], ["transform", "transform"], ["load", "load"]]
    assert (kept.attempt, kept.epoch, kept.is_stream) == (2, 7, False)


def test_a_run_that_ends_before_it_started_is_kept_likewise():
    kept = record(phase="CANCELLED", finished_at="2026-05-01T12:00:00Z")
    assert (kept.status, kept.finished_at, kept.project, kept.pipeline_shown) == ("CANCELLED", NOW, "cinema", "Films")


def test_an_edit_of_the_pipeline_does_not_reach_a_run_that_has_started():
    """None leaves what was first written."""
    kept = record(phase="RUNNING", job=JOB)
    assert (kept.project, kept.pipeline_shown, kept.nodes) == (None, None, None)


def test_the_project_is_that_which_the_run_was_labelled_with():
    """The pipeline may have moved to another one before the run began."""
    run = asked(labels={names.PROJECT_LABEL: "theatre"})
    assert (record(run, starts=True, job=JOB).project, record(run, job=JOB).project) == ("theatre", "theatre")


def test_why_it_ran_is_kept():
    spec = {"schedule": "nightly", "backfill": "may", "due_at": "2026-05-01T02:00:00Z", "tags": {"team": "films"}}
    run = asked(**spec, labels={names.SCHEDULE_LABEL: UID, names.BACKFILL_LABEL: UID.replace("1", "2")})
    kept = record(run)
    assert (kept.schedule, kept.schedule_uid, kept.backfill) == ("nightly", UID, "may")
    assert kept.backfill_uid == UID.replace("1", "2")
    assert kept.due_at == datetime(2026, 5, 1, 2, tzinfo=UTC)
    assert kept.tags == {"team": "films"}


@pytest.mark.parametrize("label", ["nightly", "", "11111111"])
def test_a_label_that_is_no_uid_fails_no_record(label):
    assert record(asked(labels={names.SCHEDULE_LABEL: label})).schedule_uid is None


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"cancel": True, "cancel_reason": "enough"}, "enough"),
        ({"cancel": True}, None),
        # Written in advance.
        ({"cancel_reason": "enough"}, None),
    ],
)
def test_why_it_was_cancelled_is_kept_once_it_is(spec, reason):
    assert record(asked(**spec)).cancel_reason == reason


def test_a_stream_is_kept_as_one():
    assert record(phase="RUNNING", job=JOB, stream=True).is_stream


@pytest.mark.parametrize(
    "changes",
    [
        {"spec": None, "problem": "targetTable: Field required"},
        {
            "spec": PIPELINE.spec.model_copy(
                update={"nodes": [Node(id="a", type="x")], "edges": [Edge(from_="a", to="a")]}
            )
        },
        {"spec": PIPELINE.spec.model_copy(update={"nodes": [], "edges": [Edge(from_="a", to="b")]})},
    ],
    ids=["can't be read", "a circle", "names no node"],
)
def test_a_run_of_a_pipeline_that_can_not_be_run_is_kept_too(changes):
    kept = record(pipeline=dataclasses.replace(PIPELINE, **changes), phase="FAILED")
    assert [name for name, _ in kept.nodes] == ["extract", "transform", "load"]


def test_a_reconcile_has_no_tasks():
    assert record(asked(kind=RunKind.RECONCILE)).nodes is None
