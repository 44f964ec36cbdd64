"""The rules for a pipeline's specification, which API and operator share: shape first, then what is allowed."""

import re
from contextlib import nullcontext

import pytest

from headrace.errors import ConflictError, InvalidError, RefusedError
from headrace.lifecycle.validity import check_kind, check_pipeline, lookback_seconds, query_of
from headrace.model.pipeline import PipelineSpec
from headrace.query.parameters import parameter_names
from headrace.runspec import RunKind
from headrace.target import DEFAULT_ALLOWED, Target

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


OF_ELASTICSEARCH = {
    "version_column": "changed",
    "soft_delete_column": "is_deleted",
    "max_bad_rows": 3,
    "target": {"mapping": {"properties": {}}},
}


def test_an_index_may_have_all_that_is_its_own():
    found = check_pipeline(spec(target_table="es:film_dim", **OF_ELASTICSEARCH), ALLOWED)
    assert found == Target("elasticsearch", "", "film_dim")


@pytest.mark.parametrize("field", OF_ELASTICSEARCH)
def test_a_table_may_not(field):
    with pytest.raises(InvalidError, match="is for Elasticsearch: a target_table like es:index") as caught:
        check_pipeline(spec(**{field: OF_ELASTICSEARCH[field]}), ALLOWED)
    assert caught.value.field == field


@pytest.mark.parametrize("fields", [{"max_bad_rows": 0}, {"target": {}}, {"version_column": None}], ids=str)
def test_what_says_nothing_is_for_a_table_too(fields):
    assert check_pipeline(spec(**fields), ALLOWED).kind == "postgres"


KINDS = {
    "a load": ({}, RunKind.LOAD, None),
    "a reconcile": ({}, RunKind.RECONCILE, None),
    "a table is rebuilt": ({}, RunKind.REBUILD, "Rebuild is for Elasticsearch: the pipeline's target is a table"),
    "a table's letters": ({}, RunKind.REPLAY, "Replay is for Elasticsearch: the pipeline's target is a table"),
    "an index is rebuilt": ({"target_table": "es:film_dim"}, RunKind.REBUILD, None),
    "an index's letters": ({"target_table": "es:film_dim"}, RunKind.REPLAY, None),
    "a part is rebuilt": (
        {"target_table": "es:film_dim", "source_query": WITH_PARAMETER, "prune": False},
        RunKind.REBUILD,
        "a query with parameters can't be rebuilt: each run brings a part only",
    ),
}


@pytest.mark.parametrize(("fields", "kind", "says"), KINDS.values(), ids=KINDS.keys())
def test_what_can_be_done_depends_on_the_target(fields, kind, says):
    refuses = nullcontext() if says is None else pytest.raises(ConflictError, match=re.escape(says))
    with refuses:
        check_kind(spec(**fields), kind)


def of_table(name):
    return {"source_query": None, "source_table": name}


WRONG_SHAPE = {
    "no query": ({"source_query": None}, "source_query"),
    "two statements": ({"source_query": "SELECT 1; SELECT 2"}, "source_query"),
    "incremental without a key": ({"mode": "incremental"}, "incremental_key"),
    "parameters with prune": ({"source_query": WITH_PARAMETER}, "source_query"),
    "parameters with incremental": (
        {"source_query": WITH_PARAMETER, "prune": False, "mode": "incremental", "incremental_key": "d"},
        "source_query",
    ),
    "a query and a table": ({"source_table": "content.film_work"}, "source_table"),
    "no schema": (of_table("film_work"), "source_table"),
    "an index as a source": (of_table("es:film_work"), "source_table"),
    "a quoted table": (of_table('content."film_work"'), "source_table"),
    "a database before it": (of_table("movies.content.film_work"), "source_table"),
    "a table without a name": (of_table("content."), "source_table"),
    "no table": (of_table(""), "source_table"),
    "a table without a key of increments": (of_table("a.b") | {"mode": "incremental"}, "incremental_key"),
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
    "another index": ({"target_table": "es:films"}, "target_table 'es:films' is not allowed"),
    "a malformed index": ({"target_table": "es:Film_dim"}, "target_table 'es:Film_dim' is not allowed"),
    "python": ({"type": "PYTHON", "source_query": None}, "type PYTHON is not supported yet"),
    "nothing": ({"target_table": ""}, "target_table '' is not allowed"),
    "far too long": ({"target_table": "analytics." + "a" * 300}, "is not allowed"),
}


@pytest.mark.parametrize(("fields", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_a_rule_of_the_installation_refuses_with_its_words(fields, says):
    with pytest.raises(RefusedError) as caught:
        check_pipeline(spec(**fields), ALLOWED)
    assert says in caught.value.message


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("public.film_dim", "it is not on the installation's list of allowed targets"),
        ("film_dim", "a table is `schema.table`"),
        ("es:", "`es:` lacks the index's name"),
        ("es:Film_dim", "must be in lower case"),
    ],
)
def test_a_refusal_of_fixed_words_says_why_beside_them(address, why):
    with pytest.raises(RefusedError) as caught:
        check_pipeline(spec(target_table=address), ALLOWED)
    assert caught.value.message == f"target_table '{address}' is not allowed"
    assert why in caught.value.why
    assert caught.value.in_full == f"{caught.value.message}: {caught.value.why}"


@pytest.mark.parametrize(
    ("table", "query"),
    [
        ("content.film_work", 'SELECT * FROM "content"."film_work"'),
        ("Content.Film work", 'SELECT * FROM "Content"."Film work"'),
        ("content.%(day)s", 'SELECT * FROM "content"."%(day)s"'),  # a name, not a parameter
    ],
)
def test_a_table_is_all_its_columns_letter_by_letter(table, query):
    asked = spec(**of_table(table))
    assert check_pipeline(asked, ALLOWED) == Target("postgres", "analytics", "film_dim")
    assert query_of(asked) == query
    assert not parameter_names(query)


def test_what_is_no_table_is_refused_with_what_one_is():
    with pytest.raises(
        InvalidError, match=r"source_table 'film_work' is no table of a source: a table is `schema\.table`; names"
    ):
        check_pipeline(spec(**of_table("film_work")), ALLOWED)


def test_the_shape_is_checked_before_the_rules():
    with pytest.raises(InvalidError) as caught:
        check_pipeline(spec(source_query="DELETE FROM f", target_table="public.secret"), ALLOWED)
    assert caught.value.field == "source_query"


def test_the_default_list_allows_what_it_says():
    for address in ("analytics.film_dim", "analytics.film_rating_agg", "es:film_dim"):
        assert check_pipeline(spec(target_table=address), DEFAULT_ALLOWED)
    with pytest.raises(RefusedError):
        check_pipeline(spec(target_table="analytics.film_dim2"), DEFAULT_ALLOWED)


@pytest.mark.parametrize(("text", "expected"), [("0s", 0), ("90s", 90), ("5m", 300), ("2h", 7200), ("1d", 86400)])
def test_lookback_is_a_number_and_a_unit(text, expected):
    assert lookback_seconds(spec(lookback=text)) == expected
