"""What a run is to do, and when a later one may go on where it ended."""

import pytest

from headrace.lifecycle.specification import fingerprint
from headrace.model.pipeline import PipelineSpec

SPEC = PipelineSpec(name="films", target_table="analytics.film_dim", source_query="SELECT id FROM films")


@pytest.mark.parametrize(
    "changes",
    [
        {"source_query": "SELECT id FROM films WHERE id > 1"},
        {"key_columns": ["id"]},
        {"target_table": "analytics.other"},
        {"prune": False},
    ],
)
def test_another_reading_or_writing_starts_over(changes):
    assert fingerprint(SPEC.model_copy(update=changes), {}) != fingerprint(SPEC, {})


def test_other_parameters_start_over():
    assert fingerprint(SPEC, {"day": 1}) != fingerprint(SPEC, {})


@pytest.mark.parametrize(
    "changes", [{"name": "other"}, {"batch_size": 7}, {"max_rows_per_second": 5}, {"enabled": False}]
)
def test_what_does_not_touch_the_rows_continues(changes):
    assert fingerprint(SPEC.model_copy(update=changes), {}) == fingerprint(SPEC, {})
