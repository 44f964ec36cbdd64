"""Runs that the API server took and nobody can do: they fail with words, and what is at work goes on."""

import dataclasses

import pytest

from headrace import names
from headrace.lifecycle.readings import read_run

METADATA = {"name": "by-hand", "uid": "r", "creationTimestamp": "2026-05-01T12:00:00Z"}


def read(**spec):
    return read_run({"metadata": METADATA, "spec": {"pipeline": "films", **spec}})


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"params": {"day": "x" * 300_000}}, "params: they are larger than 262,144 bytes"),
        ({"params": {"day": "a\0b"}}, "params: "),
        ({"tags": ["x"] * 51}, "tags: "),
        ({"tags": {"team": "x" * 300}}, "tags: "),
        ({"tags": "nightly"}, "tags"),
        ({"tags": [1]}, "tags"),
    ],
)
def test_a_field_that_can_not_be_read_is_named_and_the_rest_is_read(spec, words):
    """A rule that the API server does not check; the value is not repeated."""
    run = read(**spec, suspend=True, cancelReason="enough")
    assert run.problem.startswith(words)
    assert len(run.problem) < 200
    assert (run.spec.suspend, run.spec.cancel_reason, run.spec.params, run.spec.tags) == (True, "enough", None, None)


def test_what_can_be_read_leaves_no_problem():
    run = read(params={"day": 1}, tags=["nightly"], dueAt="2026-05-01T00:00:00Z")
    assert (run.problem, run.spec.params, run.labels) == ("", {"day": 1}, {})


def test_labels_are_read():
    metadata = METADATA | {"labels": {names.PROJECT_LABEL: "cinema"}}
    assert read_run({"metadata": metadata, "spec": {"pipeline": "films"}}).labels == {names.PROJECT_LABEL: "cinema"}


@pytest.mark.parametrize("spec", [{}, {"suspend": True}, {"kind": "Reconcile"}, {"kind": "Reconcile", "suspend": True}])
def test_a_run_that_can_not_be_read_fails_at_once_and_is_recorded(world, spec):
    world.running()
    uid = world.ask(**spec)
    world.runs[uid] = dataclasses.replace(world.runs[uid], problem="params: they are too large")
    world.reconcile()
    assert (world.phase(uid), world.runs[uid].status.error_message) == ("FAILED", "params: they are too large")
    assert world.condition("Failed", uid)[1] == "InvalidSpec"
    assert (world.history[uid]["phase"], len(world.jobs)) == ("FAILED", 1)


def test_a_run_at_work_goes_on_whatever_somebody_writes_into_it(world):
    uid = world.running()
    world.runs[uid] = dataclasses.replace(world.runs[uid], problem="tags: too many")
    world.wait(1)
    world.report(uid, batches=1)
    world.reconcile()
    assert world.phase(uid) == "RUNNING"
