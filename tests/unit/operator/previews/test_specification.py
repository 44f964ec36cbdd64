"""What a preview's runner is told to do, and what is refused before anything is made."""

from datetime import UTC, datetime
from typing import Any

import pytest

from headrace.errors import InvalidError
from headrace.lifecycle.observed import Limits, RunSeen
from headrace.model.preview import PreviewSpec
from headrace.model.run import RunSpec
from headrace.runspec import RunKind
from headrace_operator.previews.specification import destination_of, run_spec

LIMITS = Limits(installation="headrace", namespace="etl", allowed_targets=("analytics.*", "es:film"))
UID = "0b0e7a3c-0000-0000-0000-000000000001"


def seen(params: dict[str, Any] | None = None, problem: str = "", **preview: Any) -> RunSeen:
    spec = RunSpec(kind=RunKind.PREVIEW, preview=PreviewSpec(**preview), params=params)
    return RunSeen(
        name="films", uid=UID, generation=1, created_at=datetime(2026, 1, 2, tzinfo=UTC), spec=spec, problem=problem
    )


@pytest.mark.parametrize(
    ("preview", "expected"),
    [
        pytest.param({}, {"query": "", "source": "default"}, id="the tables of the default source"),
        pytest.param({"source": "films"}, {"query": "", "source": "films"}, id="the tables of a source"),
        pytest.param(
            {"source_table": "content.Film work", "rows": 5},
            {"query": 'SELECT * FROM "content"."Film work"', "source_table": "content.Film work", "preview_rows": 5},
            id="a table",
        ),
        pytest.param({"source_query": "SELECT 1 ;"}, {"query": "SELECT 1  ", "preview_rows": 20}, id="a query"),
        pytest.param(
            {"source_query": "SELECT %(day)s", "params": {"day": "it's"}}, {"query": "SELECT 'it''s'"}, id="parameters"
        ),
        pytest.param(
            {"source_query": "SELECT 1", "target_table": "analytics.film", "key_columns": ["id"]},
            {"target_kind": "postgres", "target_schema": "analytics", "target_table": "film", "key_columns": ("id",)},
            id="into a table",
        ),
        pytest.param(
            {"source_query": "SELECT 1", "target_table": "analytics.film", "incremental_key": "changed"},
            {"incremental_key": "changed", "mode": "full"},
            id="of an incremental pipeline",
        ),
        pytest.param(
            {"source_query": "SELECT 1", "target_table": "es:film"},
            {"target_kind": "elasticsearch", "target_schema": "", "target_table": "film"},
            id="into an index",
        ),
    ],
)
def test_what_the_runner_is_told(preview: dict[str, Any], expected: dict[str, Any]) -> None:
    spec = run_spec(seen(**preview), LIMITS)
    assert {name: getattr(spec, name) for name in expected} == expected
    assert (spec.kind, spec.run_id, spec.pipeline_name, spec.pipeline_uid) == ("Preview", UID, "", UID)


@pytest.mark.parametrize(
    ("preview", "message"),
    [
        pytest.param({"source_query": "SELECT 1", "source_table": "a.b"}, "not both", id="two of them"),
        pytest.param({"source_query": "DELETE FROM x"}, "must be a SELECT", id="it writes"),
        pytest.param({"source_query": "SELECT 1; SELECT 2"}, "one statement", id="two statements"),
        pytest.param({"source_query": "SELECT %(day)s"}, "'day' of the query has no value", id="a parameter too few"),
        pytest.param({"source_query": "SELECT 1", "params": {"x": 1}}, "no parameter 'x'", id="a parameter too many"),
        pytest.param({"source_table": "film"}, "no table of a source", id="no table"),
        pytest.param({"source_table": "es:film"}, "it is an index", id="an index to read from"),
        pytest.param({"source_query": "SELECT 1", "target_table": "public.film"}, "is not allowed", id="not allowed"),
        pytest.param({"target_table": "analytics.film"}, "a targetTable needs", id="a target without rows"),
        pytest.param({"problem": "params: too large"}, "params: too large", id="what can't be read"),
    ],
)
def test_what_breaks_a_rule_is_refused_in_words(preview: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidError) as refused:
        run_spec(seen(**preview), LIMITS)
    assert message in refused.value.in_full


@pytest.mark.parametrize(
    ("given", "target", "expected"),
    [
        (None, None, None),
        ("lake", None, None),
        (None, "analytics.film", "default"),
        (None, "es:film", "elasticsearch"),
        ("lake", "es:film", "lake"),
    ],
)
def test_a_destination_is_only_asked_where_a_target_is_shown(
    given: str | None, target: str | None, expected: str | None
) -> None:
    assert destination_of(seen(destination=given, target_table=target)) == expected
