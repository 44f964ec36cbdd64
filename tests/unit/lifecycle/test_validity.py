"""The rules for a pipeline's specification, which API and operator share: shape first, then what is allowed."""

import pytest

from headrace.errors import InvalidError, RefusedError
from headrace.lifecycle.validity import check_pipeline, lookback_seconds
from headrace.model.pipeline import PipelineSpec
from headrace.model.target import DEFAULT_ALLOWED, Target

ALLOWED = ("analytics.*", "es:film_dim")
QUERY = "SELECT id FROM content.film_work"
WITH_PARAMETER = "SELECT id FROM f WHERE d > %(day)s"


def spec(**fields):
    return PipelineSpec(**{"name": "films", "target_table": "analytics.film_dim", "source_query": QUERY, **fields})


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"mode": "incremental", "incremental_key": "modified"},
        {"source_query": WITH_PARAMETER, "prune": False},
        {"target_table": "analytics.weird name"},
    ],
)
def test_a_valid_specification_gives_its_target(fields):
    wanted = fields.get("target_table", "analytics.film_dim").split(".")
    assert check_pipeline(spec(**fields), ALLOWED) == Target("postgres", *wanted)


WRONG_SHAPE = {
    "no query": ({"source_query": None}, "source_query"),
    "two statements": ({"source_query": "SELECT 1; SELECT 2"}, "source_query"),
    "incremental without a key": ({"mode": "incremental"}, "incremental_key"),
    "parameters with prune": ({"source_query": WITH_PARAMETER}, "source_query"),
    "parameters with incremental": (
        {"source_query": WITH_PARAMETER, "prune": False, "mode": "incremental", "incremental_key": "d"},
        "source_query",
    ),
    "a project": ({"project_id": "p"}, "project_id"),
    "a source": ({"source_id": "s"}, "source_id"),
    "a destination": ({"destination_id": "d"}, "destination_id"),
}


@pytest.mark.parametrize(("fields", "field"), WRONG_SHAPE.values(), ids=WRONG_SHAPE.keys())
def test_a_wrong_shape_names_its_field(fields, field):
    with pytest.raises(InvalidError) as caught:
        check_pipeline(spec(**fields), ALLOWED)
    assert not isinstance(caught.value, RefusedError)
    assert caught.value.field == field


REFUSED = {
    "another schema": ({"target_table": "public.film_dim"}, "target_table 'public.film_dim' is not allowed"),
    "case counts": ({"target_table": "Analytics.film_dim"}, "target_table 'Analytics.film_dim' is not allowed"),
    "malformed": ({"target_table": "film_dim"}, "target_table 'film_dim' is not allowed"),
    "too many parts": ({"target_table": "analytics.a.b"}, "target_table 'analytics.a.b' is not allowed"),
    "a quote": ({"target_table": 'analytics.a"b'}, "is not allowed"),
    "an index": ({"target_table": "es:film_dim"}, "elasticsearch is not supported yet"),
    "python": ({"type": "PYTHON", "source_query": None}, "type PYTHON is not supported yet"),
    "streaming": ({"mode": "streaming"}, "mode streaming is not supported yet"),
    "nothing": ({"target_table": ""}, "target_table '' is not allowed"),
    "far too long": ({"target_table": "analytics." + "a" * 300}, "is not allowed"),
}


@pytest.mark.parametrize(("fields", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_a_rule_of_the_installation_refuses_with_its_words(fields, says):
    with pytest.raises(RefusedError) as caught:
        check_pipeline(spec(**fields), ALLOWED)
    assert says in caught.value.message


def test_the_shape_is_checked_before_the_rules():
    with pytest.raises(InvalidError) as caught:
        check_pipeline(spec(source_query="DELETE FROM f", target_table="public.secret"), ALLOWED)
    assert caught.value.field == "source_query"


def test_the_default_list_allows_what_it_says():
    for address in ("analytics.film_dim", "analytics.film_rating_agg"):
        assert check_pipeline(spec(target_table=address), DEFAULT_ALLOWED)
    with pytest.raises(RefusedError):
        check_pipeline(spec(target_table="analytics.film_dim2"), DEFAULT_ALLOWED)


@pytest.mark.parametrize(("text", "expected"), [("0s", 0), ("90s", 90), ("5m", 300), ("2h", 7200), ("1d", 86400)])
def test_lookback_is_a_number_and_a_unit(text, expected):
    assert lookback_seconds(spec(lookback=text)) == expected
