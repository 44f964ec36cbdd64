"""What the index keeps, and what it is found by."""

import pytest

from headrace import names
from headrace_operator.index import KINDS, Index
from headrace_operator.pipelines.reconcile import key_of

SOURCE, DESTINATION = names.SOURCE_PLURAL, names.DESTINATION_PLURAL


def resource(name, /, *, uid=None, version=1, status=None, gone=False, **spec):
    metadata = {
        "name": name,
        "uid": uid or f"uid-{name}",
        "resourceVersion": str(version),
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": {"kept": "of those that are kept whole"},
    } | ({"deletionTimestamp": "2026-01-02T00:00:00Z"} if gone else {})
    return {"metadata": metadata, "spec": spec, "status": status or {}}


@pytest.fixture
def index():
    made = Index()
    made.put(names.PIPELINE_PLURAL, resource("usual", targetTable="analytics.films"))
    made.put(names.PIPELINE_PLURAL, resource("search", targetTable="es:films"))
    made.put(names.PIPELINE_PLURAL, resource("own", targetTable="a.b", source="films", destination="elasticsearch"))
    return made


def called(resources):
    return {each["metadata"]["name"] for each in resources}


def test_sources_and_destinations_are_watched():
    assert {SOURCE, DESTINATION} < set(KINDS)


def test_pipelines_are_found_by_the_ends_that_they_name_or_mean(index):
    assert called(index.readers("default")) == {"usual", "search"}
    assert called(index.readers("films")) == {"own"}
    assert called(index.writers("default")) == {"usual"}
    assert called(index.writers("elasticsearch")) == {"search", "own"}
    index.put(names.PIPELINE_PLURAL, resource("usual", version=2, targetTable="analytics.films", source="films"))
    assert called(index.readers("default")) == {"search"}
    assert called(index.readers("films")) == {"usual", "own"}


def test_a_source_is_kept_whole_and_read_once(index):
    assert index.source("films") is None
    index.put(SOURCE, resource("films", uid="s", name="Films", host="db.example", database="d", maxConnections=4))
    assert index.get(SOURCE, "s")["metadata"]["labels"] == {"kept": "of those that are kept whole"}
    assert index.source("films").connections_for_runs == index.connections_for_runs("films") == 3
    assert index.source("films") is index.source("films")
    changed = resource("films", uid="s", version=2, name="Films", host="db.example", database="d")
    index.put(SOURCE, changed)
    assert index.connections_for_runs("films") is None
    index.put(SOURCE, resource("films", uid="s", version=3, gone=True, name="Films", host="h", database="d"))
    assert index.source("films").deleting
    index.remove(SOURCE, "s")
    assert index.source("films") is None


def test_a_destination_that_can_not_be_read_says_why(index):
    index.put(DESTINATION, resource("dwh", name="DWH", host="a/b", database="d"))
    assert index.destination("dwh").problem.startswith("host: ")


def test_runs_are_found_by_what_they_started_with(index):
    status = {"source": "films", "destination": "dwh", "job": {"name": "j", "epoch": 7, "active": True}}
    index.put(names.RUN_PLURAL, resource("r", pipeline="usual", status=status))
    (found,) = index.find(names.RUN_PLURAL, "status.source", "films")
    assert found["status"] == {"source": "films", "destination": "dwh", "job": {"active": True}}
    assert called(index.find(names.RUN_PLURAL, "status.destination", "dwh")) == {"r"}


@pytest.mark.parametrize(
    ("spec", "key"), [({"pipeline": "films"}, "films"), ({"pipeline": ""}, None), ({"kind": "Preview"}, None)]
)
def test_a_preview_wakes_no_pipeline(spec, key):
    assert key_of(names.RUN_PLURAL, resource("r", **spec)) == key
