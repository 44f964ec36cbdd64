"""Previews: what is asked for, the runs that they are, and what callers see."""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.exceptions import RequestValidationError

from headrace.errors import InvalidError
from headrace.model.run import RunSpec
from headrace_api.bodies.preview import Preview, PreviewIn
from headrace_api.translate.previews import (
    check_asked,
    is_shared,
    pipeline_like,
    preview_manifest,
    rows_preview,
    show_rows,
    why_waiting,
)

QUERY = "SELECT id, title FROM content.film_work"
MADE = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOURCE = {"metadata": {"name": "shop-1", "uid": "u-1"}}


def asked(**fields):
    return PreviewIn(**{"source_query": QUERY, **fields}).model_dump(mode="json")


def of_table(name, **fields):
    return asked(source_query=None, source_table=name, **fields)


WRONG = {
    "a query": (asked(), None),
    "a table": (of_table("content.film_work"), None),
    "with a target": (asked(target_table="analytics.films", key_columns=["id"]), None),
    "an index": (asked(target_table="es:films"), None),
    "of an incremental pipeline": (asked(target_table="analytics.films", incremental_key="changed"), None),
    "with a parameter": (asked(source_query="SELECT 1 WHERE %(day)s", params={"day": None}), None),
    "neither": (asked(source_query=None), "source_query"),
    "both": (asked(source_table="content.film_work"), "source_table"),
    "a malformed table": (of_table("film_work"), "source_table"),
    "no select": (asked(source_query="DELETE FROM f"), "source_query"),
    "a parameter without a value": (asked(source_query="SELECT 1 WHERE %(day)s"), "day"),
    "a parameter too many": (asked(params={"day": 1}), "day"),
    "a parameter for a table": (of_table("a.b", params={"day": 1}), "day"),
}


@pytest.mark.parametrize(("fields", "field"), WRONG.values(), ids=WRONG.keys())
def test_the_rules_of_a_pipeline_hold_for_its_preview(fields, field):
    with nullcontext() if field is None else pytest.raises(InvalidError) as caught:
        assert check_asked(pipeline_like(fields), fields, ("analytics.*", "es:films")) is None
    assert field is None or caught.value.field == field


def test_a_rule_of_a_field_is_told_by_its_name():
    with pytest.raises(RequestValidationError) as caught:
        pipeline_like(asked(key_columns=["id", "id"]))
    assert caught.value.errors()[0]["loc"] == ("body", "key_columns")


@pytest.mark.parametrize("params", [{"x": "a\x7f"}, {"x": {"a\x7f": 1}}, {"x": 1e400}])
def test_parameters_that_no_resource_can_hold_are_refused_before_one_is_made(params):
    fields = {**asked(source_query="SELECT 1 WHERE %(x)s"), "params": params}
    with pytest.raises(RequestValidationError) as caught:
        check_asked(pipeline_like(fields), fields, ("analytics.*",))
    assert caught.value.errors()[0]["loc"] == ("body", "params")


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("public.films", "target_table 'public.films' is not allowed"),
        ("", "target_table '' is not allowed"),
        ("es:Films", "target_table 'es:Films' is not allowed"),
        (None, None),
    ],
)
def test_a_target_has_to_be_allowed_and_may_be_left_out(target, says):
    fields = asked(target_table=target)
    refused = check_asked(pipeline_like(fields), fields, ("analytics.*",))
    assert (None if refused is None else refused.message) == says


def test_a_preview_is_a_run_of_no_pipeline_that_its_source_owns():
    fields = asked(
        source_query="SELECT 1 WHERE %(day)s", target_table="a.b", key_columns=["id"], incremental_key="day", limit=7
    )
    preview = rows_preview(fields, source="shop-1", destination="here")
    made = preview_manifest(SOURCE, preview, "default", {"day": 1})
    spec = RunSpec.model_validate(made["spec"])
    assert (spec.kind, spec.pipeline, spec.params, spec.preview) == ("Preview", "", {"day": 1}, preview)
    assert "pipeline" not in made["spec"]
    assert (preview.rows, preview.target_table, preview.destination) == (7, "a.b", "here")
    assert (preview.key_columns, preview.incremental_key) == (["id"], "day")
    assert [(one["kind"], one["uid"]) for one in made["metadata"]["ownerReferences"]] == [("EtlSource", "u-1")]
    assert made["metadata"]["name"] != preview_manifest(SOURCE, preview, "default")["metadata"]["name"]


def run(*, phase=None, created=MADE, cancel=False, kind="Preview", **preview):
    metadata = {"name": "preview-1", "uid": "r-1", "creationTimestamp": created.isoformat()}
    spec = {"kind": kind, "cancel": cancel, "preview": {"source": "shop-1", "rows": 20, "keyColumns": [], **preview}}
    return {"metadata": metadata, "spec": spec, "status": {"phase": phase} if phase else {}}


@pytest.mark.parametrize(
    ("seen", "shared"),
    [
        (run(), True),
        (run(phase="RUNNING"), True),
        (run(created=MADE + timedelta(seconds=9)), True),
        (run(created=MADE - timedelta(seconds=1)), False),
        (run(phase="SUCCESS"), False),
        (run(phase="FAILED"), False),
        (run(cancel=True), False),
        (run(source="other"), False),
        (run(sourceQuery=QUERY), False),
        (run(sourceTable="a.b"), False),
        ({**run(), "spec": {"pipeline": "films", "kind": "Load"}}, False),
    ],
)
def test_whoever_asks_for_tables_waits_for_those_that_somebody_else_waits_for(seen, shared):
    assert is_shared(seen, "shop-1", MADE) is shared


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (None, None),
        (
            {"conditions": [{"type": "Running", "status": "False", "message": "2 of 2 are at work"}]},
            "2 of 2 are at work",
        ),
        ({"conditions": [{"type": "Running", "message": "at work"}], "startedAt": MADE.isoformat()}, None),
        ({"conditions": [{"type": "Complete", "message": "x"}]}, None),
    ],
)
def test_what_keeps_a_preview_from_beginning_is_told(status, says):
    assert why_waiting(None if status is None else {**run(), "status": status}) == says


@pytest.mark.parametrize(
    "result",
    [
        {},
        {"columns": [{"name": "id", "type": "bigint"}], "rows": [["1"], [None]], "truncated": True, "of_a_newer": 1},
        {"target": {"kind": "elasticsearch", "exists": True, "mapping": {"properties": {}}}, "note": "no key"},
    ],
)
def test_rows_are_shown_with_all_fields(result):
    shown = show_rows(result)
    assert Preview.model_validate(shown).model_dump(mode="json") == shown
    assert shown.items() >= {name: value for name, value in result.items() if name in ("columns", "rows")}.items()
