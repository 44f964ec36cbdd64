"""Labels of runs: what Kubernetes takes, of what people wrote."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.lifecycle.labels import labels_of_run
from headrace.model.run import RunSpec

VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?", re.ASCII)


@pytest.mark.parametrize(
    ("tags", "labels"),
    [
        (None, {}),
        ([], {}),
        ({}, {}),
        (["nightly", "v1.2_x"], {"nightly": "", "v1.2_x": ""}),
        ({"team": "films", "empty": ""}, {"team": "films", "empty": ""}),
        # A name that does not fit, a value that does not: the tag is no label at all.
        (["two words", "-dash", "dash-", "ümlaut", "a/b", "x" * 64], {}),
        ({"team": "two words", "ok": "x" * 64, "line\n": "x", "nl": "x\n"}, {}),
        (["x" * 63, "1"], {"x" * 63: "", "1": ""}),
        ({"Team": "A", "team": "a"}, {"Team": "A", "team": "a"}),
    ],
)
def test_tags_are_labels_where_they_fit(tags, labels):
    assert labels_of_run(tags=tags) == {f"tag.headrace.dev/{name}": value for name, value in labels.items()}


def test_a_run_is_found_by_what_it_belongs_to():
    uid = "11111111-1111-1111-1111-111111111111"
    assert labels_of_run(project="films", schedule_uid=uid, backfill_uid=uid) == {
        "headrace.dev/project": "films",
        "headrace.dev/schedule": uid,
        "headrace.dev/backfill": uid,
    }


@pytest.mark.parametrize("project", ["p" * 64, f"{'p' * 40}.{'q' * 40}", "", None])
def test_the_name_of_a_project_may_be_too_long_for_a_label(project):
    assert labels_of_run(project=project) == {}


@given(st.one_of(st.lists(st.text(max_size=70)), st.dictionaries(st.text(max_size=70), st.text(max_size=70))))
def test_whatever_the_tags_are_kubernetes_takes_the_labels(tags):
    for key, value in labels_of_run(tags=tags).items():
        name = key.removeprefix("tag.headrace.dev/")
        assert name
        assert all(len(text) <= 63 and VALUE.fullmatch(text) for text in (name, value))


@pytest.mark.parametrize("tags", [["nightly"], {"team": "films"}])
def test_tags_come_as_they_were_given(tags):
    """A manifest's list or map, as the model reads it."""
    assert labels_of_run(tags=RunSpec.model_validate({"pipeline": "films", "tags": tags}).tags)


def test_a_run_made_by_hand_gets_the_labels_of_its_tags_and_project(world):
    world.edit_pipeline(project="cinema")
    uid = world.ask("by-hand", owned=False, tags={"team": "films", "no label": "x"})
    world.reconcile()
    assert world.runs[uid].labels == {"headrace.dev/project": "cinema", "tag.headrace.dev/team": "films"}
