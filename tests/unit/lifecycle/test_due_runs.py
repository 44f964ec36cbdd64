"""The run for a due time is the same whoever makes it."""

import json
from datetime import UTC, datetime

from headrace import names
from headrace.lifecycle.due_runs import Cause, DueTime, due_run, run_name
from headrace.lifecycle.readings import read_run
from headrace.model.run import RunSpec
from headrace.model.schedule import PARAMS_BYTES, ScheduleSpec
from headrace.model.times import from_text

NOW = datetime(2026, 3, 2, 2, 0, 1, 250_000, tzinfo=UTC)
DUE = DueTime(datetime(2026, 3, 2, 2, tzinfo=UTC), datetime(2026, 3, 1, 2, tzinfo=UTC))
PIPELINE = {"metadata": {"name": "films", "uid": "p-uid"}, "spec": {"project": "sales"}}
SCHEDULE = {
    "metadata": {"name": "nightly", "uid": "s-uid"},
    "spec": {"pipeline": "films", "timeoutSeconds": 60, "params": {"country": "FR", "due_at": "never"}},
}
MAY = {"metadata": {"name": "may", "uid": "b-uid"}, "spec": {"rerun": False}}
AGAIN = {"metadata": {"name": "may", "uid": "b-uid"}, "spec": {"rerun": True}}


def made(**more):
    return due_run(PIPELINE, SCHEDULE, DUE, installation="default", now=NOW, **more)


def test_a_run_knows_its_schedule_its_due_time_and_its_interval():
    assert made()["spec"] == {
        "pipeline": "films",
        "schedule": "nightly",
        "dueAt": "2026-03-02T02:00:00Z",
        "params": {
            "country": "FR",
            "interval_start": "2026-03-01T02:00:00Z",
            "interval_end": "2026-03-02T02:00:00Z",
            "due_at": "2026-03-02T02:00:00Z",
        },
        "timeoutSeconds": 60,
    }


def test_a_run_is_born_with_its_owner_and_labels():
    """So that the operator does not have to adopt it: a write less for each due time."""
    metadata = made(cause=Cause(backfill=MAY))["metadata"]
    assert metadata["labels"] == {
        names.MANAGED_BY_LABEL: "headrace",
        names.INSTALLATION_LABEL: "default",
        names.PIPELINE_LABEL: "p-uid",
        names.PROJECT_LABEL: "sales",
        names.SCHEDULE_LABEL: "s-uid",
        names.BACKFILL_LABEL: "b-uid",
    }
    assert [(o["kind"], o["uid"], o["controller"]) for o in metadata["ownerReferences"]] == [
        ("EtlPipeline", "p-uid", True)
    ]


def test_a_run_is_what_the_operator_reads():
    manifest = made()
    manifest["metadata"] |= {"uid": "r-uid", "creationTimestamp": "2026-03-02T02:00:01Z"}
    seen = read_run(manifest)
    assert (seen.owned, seen.created_at, from_text(seen.spec.due_at)) == (True, NOW, DUE.due_at)


def test_a_project_whose_name_is_no_label_is_left_out():
    pipeline = {**PIPELINE, "spec": {"project": "p" * 64}}
    labels = due_run(pipeline, SCHEDULE, DUE, installation="default", now=NOW)["metadata"]["labels"]
    assert names.PROJECT_LABEL not in labels


def test_one_due_time_has_one_name_whoever_makes_it():
    """A backfill's run is the schedule's, unless it is to run again."""
    second = int(DUE.due_at.timestamp())
    assert run_name(SCHEDULE, DUE) == f"s-uid-{second}"
    assert run_name(SCHEDULE, DUE, Cause(backfill=MAY)) == f"s-uid-{second}"
    assert run_name(SCHEDULE, DUE, Cause(backfill=MAY, retry=2)) == f"s-uid-{second}-r2"
    assert run_name(SCHEDULE, DUE, Cause(backfill=AGAIN)) == f"b-uid-{second}"
    assert run_name(SCHEDULE, DUE, Cause(backfill=AGAIN, retry=1)) == f"b-uid-{second}-r1"


def test_what_a_schedule_may_say_at_most_a_run_may_too():
    """Else each of its due times would be refused for ever."""
    params = {f"p{n}": "" for n in range(96)}
    params["long"] = "x" * (PARAMS_BYTES - len(json.dumps(params)) - 20)
    spec = ScheduleSpec(pipeline="films", expression="0 2 * * *", params=params, timeout_seconds=31_536_000)
    schedule = {**SCHEDULE, "spec": spec.manifest()}
    run = due_run(PIPELINE, schedule, DUE, installation="default", now=NOW)
    assert len(RunSpec.model_validate(run["spec"]).params or ()) == 100
