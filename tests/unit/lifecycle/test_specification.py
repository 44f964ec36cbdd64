"""What a run is to do, and when a later one may go on where it ended."""

import pytest

from headrace.lifecycle.specification import fingerprint
from headrace.model.mapping import TargetOptions
from headrace.model.pipeline import PipelineSpec

SPEC = PipelineSpec(name="films", target_table="analytics.film_dim", source_query="SELECT id FROM films")


@pytest.mark.parametrize(
    "changes",
    [
        {"source_query": "SELECT id FROM films WHERE id > 1"},
        {"key_columns": ["id"]},
        {"target_table": "analytics.other"},
        {"prune": False},
        {"version_column": "changed"},
        {"soft_delete_column": "is_deleted"},
        {"source": "other"},
        {"destination": "other"},
        {"destination": "elasticsearch"},
        {"source_query": None, "source_table": "public.films"},
        {"target": TargetOptions(mapping={"properties": {"id": {"type": "long"}}})},
    ],
)
def test_another_reading_or_writing_starts_over(changes):
    assert fingerprint(SPEC.model_copy(update=changes), {}) != fingerprint(SPEC, {})


def test_other_parameters_start_over():
    asks = SPEC.model_copy(update={"source_query": "SELECT id FROM films WHERE day = %(day)s"})
    assert fingerprint(asks, {"day": 1}) != fingerprint(asks, {"day": 2})


@pytest.mark.parametrize(
    "changes",
    [
        {"source": "default"},
        {"destination": "default"},
        {"name": "other"},
        {"batch_size": 7},
        {"max_rows_per_second": 5},
        {"enabled": False},
        {"max_bad_rows": 3},
    ],
)
def test_what_does_not_touch_the_rows_continues(changes):
    assert fingerprint(SPEC.model_copy(update=changes), {}) == fingerprint(SPEC, {})


def test_a_table_that_failed_under_the_version_before_is_gone_on_with():
    before = "09fae677b902917205cfc402d0abad0680b5f23e75f95e7f16d6753520a87241"
    assert fingerprint(SPEC, {}) == before
