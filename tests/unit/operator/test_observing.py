"""What an observation is made of beside what the server says: projects, and the bounds of the installation."""

import pytest

from headrace import names
from headrace.lifecycle.labels import labels_of_run
from headrace_operator import manifests
from headrace_operator.index import Index
from headrace_operator.pipelines.observe import project_exists
from headrace_operator.settings import Settings


def project(name, **metadata):
    created = {"resourceVersion": "1", "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {"metadata": {"name": name, "uid": name, **created, **metadata}, "spec": {"name": name.title()}}


@pytest.mark.parametrize(
    ("spec", "exists"),
    [
        ({"project": "cinema"}, True),
        ({"project": "theatre"}, False),
        # It is named by metadata.name, not by the name that people see.
        ({"project": "Cinema"}, False),
        ({"project": "going"}, False),
        ({"project": None}, None),
        ({}, None),
    ],
)
def test_whether_a_pipelines_project_exists(spec, exists):
    index = Index()
    index.put(names.PROJECT_PLURAL, project("cinema"))
    index.put(names.PROJECT_PLURAL, project("going", deletionTimestamp="2026-01-02T00:00:00Z"))
    assert project_exists(index, {"metadata": {"name": "films"}, "spec": spec}) is exists


def test_an_adopted_run_keeps_its_own_labels_beside_those_of_its_pipeline():
    """Ours are what everything is found by: they win."""
    own = labels_of_run(tags=["nightly"], project="cinema") | {names.PIPELINE_LABEL: "forged"}
    patch = manifests.adoption("films", "uid", Settings(store_dsn="postgresql://x"), own)
    assert patch["metadata"]["labels"] == {
        "tag.headrace.dev/nightly": "",
        "headrace.dev/project": "cinema",
        "headrace.dev/pipeline": "uid",
        "headrace.dev/installation": "default",
        "app.kubernetes.io/managed-by": "headrace",
    }


@pytest.mark.parametrize(("environment", "streams"), [({}, 50), ({"HEADRACE_MAX_STREAMS": "7"}, 7)])
def test_streams_are_bound_by_a_setting_of_their_own(monkeypatch, environment, streams):
    monkeypatch.setenv("HEADRACE_STORE_DSN", "postgresql://x")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Settings().limits.max_streams == streams
