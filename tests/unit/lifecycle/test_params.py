"""Parameters: those of the query and no others, but for the interval that each run of a schedule has."""

import pytest

from headrace.errors import InvalidError
from headrace.lifecycle.specification import fingerprint
from headrace.lifecycle.validity import check_params, check_pipeline
from headrace.model.pipeline import PipelineSpec

DAY = "SELECT id FROM films WHERE day = %(day)s"
INTERVAL = {"interval_start": "2026-05-01T00:00:00Z", "interval_end": "2026-05-02T00:00:00Z"} | {
    "due_at": "2026-05-02T00:00:00Z"
}
SLICE = "SELECT id FROM films WHERE at >= %(interval_start)s AND at < %(interval_end)s"


@pytest.mark.parametrize(
    ("query", "given", "field", "words"),
    [
        (DAY, {}, "day", "parameter 'day' of the query has no value"),
        (DAY, {"day": "x", "night": 1}, "night", "the query has no parameter 'night'; it has day"),
        ("SELECT 1 AS id", {"day": 1}, "day", "the query has no parameter 'day'; it has none"),
        # By hand nobody gives them but whoever asks for the run.
        (SLICE, {}, "interval_end", "parameter 'interval_end' of the query has no value"),
        ("SELECT '%(day)s' AS id", {"day": 1}, "day", "it has none"),
    ],
)
def test_a_parameter_too_few_or_too_many_is_named(query, given, field, words):
    with pytest.raises(InvalidError) as caught:
        check_params(query, given)
    assert caught.value.field == field
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("query", "given"),
    [(DAY, {"day": None}), (DAY, {"day": 1, **INTERVAL}), (SLICE, INTERVAL), ("SELECT 1 AS id", INTERVAL)],
)
def test_the_interval_of_a_schedule_may_be_used_or_not(query, given):
    check_params(query, given)


def test_a_run_with_a_bad_parameter_fails_names_it_and_is_recorded(world):
    world.edit_pipeline(source_query=DAY, prune=False)
    uid = world.ask(params={"day": "2026-05-01", "night": 1})
    world.reconcile()
    assert world.runs[uid].status.error_message == "the query has no parameter 'night'; it has day"
    assert (world.phase(uid), world.history[uid]["phase"], world.jobs) == ("FAILED", "FAILED", {})
    assert world.runs[uid].status.archived


def test_the_interval_is_bound_like_any_other_parameter(world):
    world.edit_pipeline(source_query=SLICE, prune=False)
    uid = world.started(params=INTERVAL)
    assert world.history[uid]["spec"].query == (
        "SELECT id FROM films WHERE at >= '2026-05-01T00:00:00Z' AND at < '2026-05-02T00:00:00Z'"
    )


@pytest.mark.parametrize(
    ("mode", "prune", "fits"),
    [("full", False, True), ("full", True, False), ("incremental", False, False), ("streaming", False, False)],
)
def test_a_query_with_parameters_needs_mode_full_and_no_pruning(mode, prune, fits):
    """Each run brings a part: a cursor would skip the next one, and pruning delete the others."""
    spec = PipelineSpec.model_validate(
        {"name": "F", "targetTable": "a.b", "sourceQuery": DAY, "mode": mode, "prune": prune, "incrementalKey": "at"}
    )
    if fits:
        check_pipeline(spec, ("a.*",))
        return
    with pytest.raises(InvalidError, match="needs mode full and prune false"):
        check_pipeline(spec, ("a.*",))


def test_a_scheduled_run_goes_on_with_a_failed_one_where_the_query_does_not_use_the_interval():
    plain = PipelineSpec(name="F", target_table="a.b", source_query="SELECT 1 AS id")
    sliced = PipelineSpec(name="F", target_table="a.b", source_query=SLICE, prune=False)
    later = {**INTERVAL, "interval_start": "2026-05-03T00:00:00Z"}
    assert fingerprint(plain, INTERVAL) == fingerprint(plain, later) == fingerprint(plain, {})
    assert fingerprint(sliced, INTERVAL) != fingerprint(sliced, later)
