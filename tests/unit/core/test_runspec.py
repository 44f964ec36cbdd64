"""What the operator writes for a run is what the runner reads, also across versions."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.runspec import RunSpec

TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=40)
SPEC = RunSpec(
    run_id="r", installation="default", namespace="headrace", pipeline_name="films", pipeline_uid="u",
    query="SELECT 1 AS id", target_schema="analytics", target_table="film_dim",
)  # fmt: skip


@given(
    query=TEXT,
    keys=st.lists(TEXT, max_size=3),
    rate=st.none() | st.integers(1, 10**9),
    prune=st.booleans(),
    tasks=st.lists(st.tuples(TEXT, TEXT), max_size=3),
)
def test_a_run_survives_the_way_through_the_store(query, keys, rate, prune, tasks):
    spec = dataclasses.replace(
        SPEC, query=query, key_columns=tuple(keys), max_rows_per_second=rate, prune=prune, tasks=tuple(tasks)
    )
    assert RunSpec.from_json(json.loads(spec.to_json())) == spec


def test_fields_of_a_newer_version_are_left_out():
    assert RunSpec.from_json({**json.loads(SPEC.to_json()), "shards": 4}) == SPEC


@pytest.mark.parametrize("field", ["kind", "mode"])
def test_what_only_a_newer_version_can_do_is_not_taken_for_something_else(field):
    with pytest.raises(ValueError, match="Shuffle"):
        RunSpec.from_json({**json.loads(SPEC.to_json()), field: "Shuffle"})


def test_fields_that_an_older_version_did_not_write_have_defaults():
    data = json.loads(SPEC.to_json())
    for name in ("lookback_seconds", "key_columns", "fingerprint", "poll_seconds", "tasks"):
        del data[name]
    assert RunSpec.from_json(data) == SPEC


def test_only_a_load_is_a_stream():
    spec = dataclasses.replace(SPEC, mode="streaming")
    assert (spec.is_stream, spec.has_cursor) == (True, True)
    assert not dataclasses.replace(spec, kind="Rebuild").is_stream
    assert (SPEC.is_stream, SPEC.has_cursor) == (False, False)
