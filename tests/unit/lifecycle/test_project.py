"""Projects: a pipeline says whether the one that it names is there, and runs in any case."""

import pytest

from headrace.lifecycle.actions import SavePipeline


@pytest.mark.parametrize(
    ("exists", "condition"),
    [
        (None, None),
        (True, ("True", "ProjectExists", "There is a project of that name.")),
        (False, ("False", "ProjectMissing", "there is no project 'cinema'")),
    ],
)
def test_a_pipeline_says_whether_its_project_exists(world, exists, condition):
    world.edit_pipeline(project="cinema" if exists is not None else None)
    world.project_exists = exists
    world.reconcile()
    found = [c for c in world.pipeline.status.conditions if c.type == "ProjectFound"]
    assert [(c.status, c.reason, c.message) for c in found] == ([condition] if condition else [])


def test_a_pipeline_without_its_project_runs(world):
    world.edit_pipeline(project="cinema")
    world.project_exists = False
    uid = world.running()
    assert (world.phase(uid), world.condition("Ready")[0]) == ("RUNNING", "True")


def test_only_changes_are_written(world):
    world.edit_pipeline(project="cinema")
    world.project_exists = False
    world.reconcile()
    assert not world.reconcile()
    world.project_exists = True
    assert [type(step) for step in world.reconcile()] == [SavePipeline]
