"""What a pipeline's status says about the past: when it was changed and by whom, and how its last run ended."""

import dataclasses
from datetime import timedelta

import pytest

from headrace.model.times import to_text


def test_a_change_by_kubectl_moves_the_time_also_after_the_api_made_the_pipeline(world):
    # Kubernetes' time of creation has no fraction of a second: what the API noted is later.
    noted = world.now + timedelta(milliseconds=700)
    world.pipeline = dataclasses.replace(world.pipeline, updated_at=noted)
    world.wait(1)
    world.reconcile()
    assert world.pipeline.status.configuration_changed_at == to_text(noted)
    world.wait(3600)
    world.edit_pipeline(batch_size=7)
    world.reconcile()
    assert world.pipeline.status.configuration_changed_at == to_text(world.now)


def test_a_change_by_the_api_has_the_time_that_the_api_noted(world):
    world.reconcile()
    world.wait(3600)
    noted = world.now
    world.pipeline = dataclasses.replace(world.pipeline, updated_at=noted)
    world.edit_pipeline(batch_size=7)
    world.wait(2)
    world.reconcile()
    assert world.pipeline.status.configuration_changed_at == to_text(noted)


def test_a_pause_by_kubectl_moves_the_time_also_after_the_api_changed_the_state(world):
    world.reconcile()
    # As when the API disables and enables it.
    world.pipeline = dataclasses.replace(world.pipeline, state_changed_at=world.now)
    world.wait(60)
    world.reconcile()
    world.wait(60)
    world.edit_pipeline(suspend=True)
    world.reconcile()
    assert world.pipeline.status.suspend_changed_at == to_text(world.now)


def test_a_run_whose_resource_is_deleted_leaves_a_cancelled_last_run(world):
    uid = world.running()
    world.wait(60)
    del world.runs[uid]
    world.reconcile()
    last = world.pipeline.status.last_run
    assert (last.uid, last.phase, last.last_transition_time) == (uid, "CANCELLED", to_text(world.now))
    assert world.pipeline.status.phase == "IDLE"


def test_a_run_that_failed_before_the_pipeline_was_there_is_not_its_last_run(world):
    uid = world.ask("early", owned=False)
    later, world.pipeline = world.pipeline, None
    world.reconcile()
    world.wait(60)
    world.reconcile()
    assert world.runs[uid].status.phase == "FAILED"
    world.wait(60)
    world.pipeline = dataclasses.replace(later, created_at=world.now)
    world.reconcile()
    assert world.pipeline.status.last_run is None
    assert world.pipeline.status.phase == "IDLE"


def read_only(world):
    """The condition SourceReadOnly, if there is one."""
    found = [c for c in world.pipeline.status.conditions if c.type == "SourceReadOnly"]
    return next(((c.status, c.reason, c.message) for c in found), None)


def ends_with(world, outcome="DONE", **notes):
    """A run that ends with these notes."""
    uid = world.running()
    world.report(uid, batches=1, outcome=outcome, message="no such table", notes=notes)
    world.change_job(
        uid, **({"complete": True} if outcome == "DONE" else {"failed": "PodFailurePolicy", "finished": True})
    )
    world.reconcile()
    return uid


@pytest.mark.parametrize(
    ("reason", "status"),
    [("SourceOnlyReads", "True"), ("SourceCouldWrite", "False"), ("SourceRightsUnknown", "Unknown")],
)
def test_what_a_run_found_out_about_the_sources_role_is_a_condition_and_no_fault(world, reason, status):
    world.reconcile()
    assert read_only(world) is None, "nobody has looked yet"
    ends_with(world, **{reason: "The source's role …"})
    assert read_only(world) == (status, reason, "The source's role …")
    degraded = next(c for c in world.pipeline.status.conditions if c.type == "Degraded")
    assert (degraded.status, degraded.reason) == ("False", "Succeeded")


def test_other_notes_want_attention_beside_it(world):
    ends_with(world, SourceOnlyReads="It can only read", NoKey="No key")
    degraded = next(c for c in world.pipeline.status.conditions if c.type == "Degraded")
    assert (degraded.reason, degraded.message) == ("NeedsAttention", "NoKey: No key")


def test_what_was_found_out_stays_until_another_run_finds_something_else(world):
    uid = ends_with(world, SourceCouldWrite="It could write")
    since = next(c for c in world.pipeline.status.conditions if c.type == "SourceReadOnly").last_transition_time
    world.wait(60)
    del world.runs[uid]
    world.reconcile()
    ends_with(world, "FAILED")
    assert read_only(world) == ("False", "SourceCouldWrite", "It could write")
    assert next(c for c in world.pipeline.status.conditions if c.type == "SourceReadOnly").last_transition_time == since
    ends_with(world, "FAILED", SourceOnlyReads="It can only read")
    assert read_only(world) == ("True", "SourceOnlyReads", "It can only read")
