"""Resources as callers see them."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from headrace.model.pipeline import PipelineSpec
from headrace.model.run import ReconcileResult
from headrace.store.records import DeadLetter, RunRecord, key_text
from headrace_api.bodies import dead_letter as bodies
from headrace_api.bodies.pipeline import Pipeline, PipelinePatch
from headrace_api.bodies.run import Run, RunDetail
from headrace_api.translate import pipelines, runs
from headrace_api.translate.dead_letters import show_letter

UID, OTHER = "5f3c1a52-7c1e-4f0e-9d49-0f8f5f7a2b61", "00000000-0000-0000-0000-000000000000"
CREATED = "2026-03-01T12:00:00Z"
SPEC = {"name": "films", "targetTable": "analytics.films", "sourceQuery": "SELECT 1", "batchSize": 5, "suspend": False}


def pipeline(*, annotations=None, status=None, **spec):
    metadata = {"name": "films-1", "uid": UID, "creationTimestamp": CREATED, "annotations": annotations or {}}
    return {"metadata": metadata, "spec": {**SPEC, **spec}, "status": status or {}}


def run(n=1, *, owner=UID, status=None, created=CREATED, annotations=None, **spec):
    owners = [{"kind": "EtlPipeline", "uid": owner}] if owner else []
    metadata = {"name": f"{UID}-{n}", "uid": f"run-{n}", "creationTimestamp": created, "ownerReferences": owners}
    metadata |= {"annotations": annotations or {}}
    return {"metadata": metadata, "spec": {"pipeline": "films-1", **spec}, "status": status or {}}


def record(n, **fields):
    moment = datetime(2026, 3, 1, 12, n, tzinfo=UTC)
    return RunRecord(
        run_id=f"row-{n}", installation="i", namespace="n", pipeline_uid=UID, pipeline_name="films-1",
        run_name="r", kind="Load", status="SUCCESS", created_at=moment, **fields,
    )  # fmt: skip


def test_a_pipeline_is_shown_with_all_fields_and_the_defaults_of_those_it_lacks():
    shown = pipelines.show_pipeline(pipeline(), [])
    assert Pipeline.model_validate(shown).model_dump(mode="json") == shown
    assert shown.items() >= {"name": "films", "batch_size": 5, "prune": True, "key_columns": [], "mode": "full"}.items()
    assert "suspend" not in shown


def test_a_pipeline_that_kubectl_let_in_against_a_rule_is_shown_all_the_same():
    shown = pipelines.show_pipeline(pipeline(name="a\x9f", keyColumns=["", ""], lookback="soon"), [])
    assert Pipeline.model_validate(shown).model_dump(mode="json") == shown


def test_what_a_pipeline_names_is_shown_by_its_id():
    named = pipelines.References(project_id="p", source_id="s")
    shown = pipelines.show_pipeline(pipeline(source="shop", destination="lost", project="x"), [], named)
    assert shown.items() >= {"project_id": "p", "source_id": "s", "destination_id": None}.items()
    assert not shown.keys() & {"project", "source", "destination"}


TABLE = {"sourceTable": "content.film_work", "sourceQuery": None}


@pytest.mark.parametrize(
    ("before", "sent", "after"),
    [
        ({}, {"source_table": "a.b"}, (None, "a.b")),
        (TABLE, {"source_query": "SELECT 2"}, ("SELECT 2", None)),
        (TABLE, {"batch_size": 7}, (None, "content.film_work")),
        ({}, {"source_table": None}, ("SELECT 1", None)),
        ({}, {"source_table": "a.b", "source_query": None}, (None, "a.b")),
        ({}, {"source_table": "a.b", "source_query": "SELECT 2"}, ("SELECT 2", "a.b")),
        (TABLE, {"source_table": None}, (None, None)),
    ],
)
def test_a_patch_with_a_table_or_a_query_takes_the_place_of_the_other(before, sent, after):
    spec = pipelines.spec_of(pipelines.changed_fields(pipeline(**before), sent))
    assert (spec.source_query, spec.source_table) == after


def test_fields_become_a_specification_and_a_patch_of_what_differs():
    spec = pipelines.spec_of({"name": "b", "target_table": "x.y", "source_query": "SELECT 1"}, suspend=True)
    assert (spec.name, spec.suspend) == ("b", True)
    patch = pipelines.spec_patch(pipeline(description="old"), spec)
    assert patch.items() >= {"name": "b", "suspend": True, "description": None, "batchSize": 1000}.items()
    assert "sourceQuery" not in patch
    same = PipelineSpec.model_validate(SPEC)
    assert pipelines.spec_patch({"spec": same.manifest()}, same) == {}


def test_null_in_a_patch_empties_a_field():
    fields = pipelines.changed_fields(pipeline(description="old"), {"description": None})
    spec = pipelines.spec_of(fields)
    assert (spec.batch_size, spec.description, spec.source_query) == (5, None, "SELECT 1")


@pytest.mark.parametrize("field", ["name", "batch_size", "mode", "enabled", "prune", "target_table"])
def test_null_in_a_patch_is_refused_where_it_is_no_value(field):
    with pytest.raises(ValidationError):
        PipelinePatch.model_validate({field: None})


def test_a_rule_of_a_field_is_told_by_its_name_in_the_api_and_without_its_value():
    with pytest.raises(RequestValidationError) as caught:
        pipelines.spec_of({"name": "b", "target_table": "x.y", "key_columns": ["secret", "secret"]})
    (error,) = caught.value.errors()
    assert error["loc"] == ("body", "key_columns")
    assert "secret" not in str(error)


@pytest.mark.parametrize(
    ("noted", "shown"),
    [
        (None, CREATED),
        ("2026-03-01T12:00:00.250000Z", "2026-03-01T12:00:00.250000Z"),
        ("2026-03-01T11:59:59.900000Z", "2026-03-01T11:59:59.900000Z"),
        ("2025-03-01T12:00:00Z", CREATED),  # copied with the manifest of another
        ("yesterday", CREATED),
        ("2026-03-01T12:00:00", CREATED),  # no zone
    ],
)
def test_the_time_of_creation_has_a_fraction_where_the_api_noted_one(noted, shown):
    resource = pipeline(annotations={"headrace.dev/created-at": noted} if noted else {})
    assert pipelines.show_pipeline(resource, [])["created_at"] == shown


@pytest.mark.parametrize(
    ("annotation", "seen", "shown"),
    [
        (None, None, CREATED),
        ("2026-03-02T00:00:00Z", None, "2026-03-02T00:00:00Z"),
        ("2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z", "2026-03-03T00:00:00Z"),
        ("2026-03-04T00:00:00+01:00", "2026-03-03T00:00:00Z", "2026-03-03T23:00:00Z"),
        ("2020-01-01T00:00:00Z", None, CREATED),  # copied with the manifest of another
    ],
)
def test_updated_at_is_the_later_of_what_the_api_noted_and_the_operator_saw(annotation, seen, shown):
    annotations = {"headrace.dev/updated-at": annotation} if annotation else {}
    resource = pipeline(annotations=annotations, status={"configurationChangedAt": seen} if seen else {})
    assert pipelines.show_pipeline(resource, [])["updated_at"] == shown


def test_the_state_changed_with_the_latest_transition_of_runs_and_pause():
    load = run(1, created="2026-03-02T00:00:00Z", status={"lastTransitionTime": "2026-03-03T00:00:00Z"})
    later = "2026-03-09T00:00:00Z"
    uncounted = [run(2, created=later, kind="Reconcile"), run(3, created=later, suspend=True)]
    assert pipelines.changed_at(pipeline(), []) == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert pipelines.changed_at(pipeline(), [load, *uncounted]) == datetime(2026, 3, 3, tzinfo=UTC)
    paused = pipeline(status={"suspendChangedAt": "2026-03-04T00:00:00Z"})
    assert pipelines.changed_at(paused, [load]) == datetime(2026, 3, 4, tzinfo=UTC)


def test_runs_of_a_namesake_that_was_deleted_are_not_this_pipelines():
    own, adopted_later, strange = run(1), run(2, owner=None), run(3, owner=OTHER)
    elsewhere = run(4)
    elsewhere["spec"]["pipeline"] = "other"
    assert runs.runs_of(pipeline(), [own, adopted_later, strange, elsewhere]) == [own, adopted_later]


def test_a_run_is_shown_by_its_resource_with_the_higher_counts():
    status = {"phase": "RUNNING", "startedAt": CREATED, "progress": {"rowsRead": 10, "rowsWritten": 8, "badRows": 1}}
    shown = runs.show_resource(run(status=status), UID, record(1, rows_read=20, rows_written=5, bad_rows=3))
    assert Run.model_validate(shown).model_dump(mode="json") == shown
    assert (shown["status"], shown["rows_read"], shown["rows_written"], shown["bad_rows"]) == ("RUNNING", 20, 8, 3)


@pytest.mark.parametrize("kind", ["Load", "Rebuild", "Replay"])
def test_a_run_says_what_it_does_whoever_knows_it(kind):
    stored = record(1, bad_rows=2)
    stored = replace(stored, kind=kind)
    for shown in (runs.show_resource(run(kind=kind), UID, stored), runs.show_record(stored)):
        assert Run.model_validate(shown).model_dump(mode="json") == shown
        assert (shown["kind"], shown["bad_rows"]) == (kind, 2)
    assert runs.that_write([run(1, kind=kind), run(2, kind="Reconcile")]) == [run(1, kind=kind)]


def test_a_run_without_a_kind_is_a_load():
    assert runs.show_resource(run(), UID, None)["kind"] == "Load"


MAPPING = {"properties": {"id": {"type": "long"}, "title": {"type": "text"}}}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, MAPPING),
        (MAPPING, None),
        (MAPPING, {"properties": {"id": {"type": "long"}}}),
        (MAPPING, {"dynamic": False, "properties": {"id": {"type": "keyword", "store": True}}}),
        (MAPPING, {}),
        (MAPPING, MAPPING),
    ],
)
def test_a_mapping_is_replaced_and_not_mixed_with_the_one_before(before, after):
    def spec(mapping):
        given = {"target": {"mapping": mapping}} if mapping is not None else {}
        return {**SPEC, "targetTable": "es:films", **given}

    resource = {**pipeline(), "spec": spec(before)}
    wanted = PipelineSpec.model_validate(spec(after))
    patch = pipelines.spec_patch(resource, wanted)
    assert merged(resource["spec"], patch).get("target") == wanted.manifest().get("target")
    assert before != after or "target" not in patch


def merged(value, patch):
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    result = dict(value) if isinstance(value, dict) else {}
    for name, part in patch.items():
        if part is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), part)
    return result


def test_a_dead_letter_is_shown_as_it_was_put_aside():
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    letter = DeadLetter(
        id="7", pipeline_uid=UID, run_id=OTHER, document_id="a|b", key=["a", "b"], document='{"x":1}', is_cut=False,
        error_type="document_parsing_exception", reason="no", created_at=moment,
    )  # fmt: skip
    shown = show_letter(letter)
    assert bodies.DeadLetter.model_validate(shown).model_dump(mode="json") == shown
    assert (shown["pipeline_id"], shown["key"], shown["created_at"]) == (UID, ["a", "b"], "2026-03-01T12:00:00Z")


def test_only_a_failed_run_has_an_error_message_and_only_one_that_left_the_queue_has_started():
    failed = runs.show_resource(run(status={"phase": "FAILED", "errorMessage": "no table"}), UID, None)
    retried = runs.show_resource(run(status={"phase": "RUNNING", "errorMessage": "no table"}), UID, None)
    waiting = runs.show_resource(run(status={"startedAt": CREATED}), UID, None)
    assert (failed["error_message"], retried["error_message"]) == ("no table", None)
    assert (waiting["status"], waiting["started_at"]) == ("PENDING", None)


def test_a_reconcile_has_its_five_fields_from_the_resource_or_the_store():
    five = {"pipeline_id": UID, "source_count": 3, "target_count": 5, "difference": -2, "status": "WARNING"}
    resource = run(kind="Reconcile", status={"phase": "SUCCESS", "result": {"sourceCount": 3, "targetCount": 5}})
    stored = record(1, result={"source_count": 3, "target_count": 5})
    for shown in (runs.show_detail(resource, UID, None), runs.show_detail(None, UID, stored)):
        assert shown["result"] == five
        assert RunDetail.model_validate(shown).model_dump(mode="json", exclude_unset=True) == shown
    assert runs.show_detail(None, UID, None) is None


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"missing": 0, "extra": 0, "missing_keys": [], "extra_keys": []}, "OK"),
        ({"missing": 1, "extra": 1, "missing_keys": ["a"], "extra_keys": ["b"]}, "WARNING"),
        ({"note": "the keys are not ordered alike"}, "OK"),
    ],
)
def test_a_reconcile_of_an_index_says_what_is_missing_and_what_is_too_much(more, status):
    found = {"source_count": 3, "target_count": 3, **more}
    resource = run(kind="Reconcile", status={"phase": "SUCCESS", "result": ReconcileResult.of(found).manifest()})
    stored = record(1, result={"missing": None, "extra": None, "note": None, "of_a_newer_version": 1, **found})
    for shown in (runs.show_detail(resource, UID, None), runs.show_detail(None, UID, stored)):
        assert shown["result"] == {"pipeline_id": UID, **found, "difference": 0, "status": status}
        assert RunDetail.model_validate(shown).model_dump(mode="json", exclude_unset=True) == shown


@pytest.mark.parametrize(
    ("last", "existing", "following"),
    [
        (0, [], 1),
        (7, [], 8),
        (7, [f"{UID}-9", f"{UID}-10"], 11),
        (0, ["nightly-99", f"{UID}-reconcile-12345678", f"{UID}-²"], 1),
    ],
)
def test_a_run_is_numbered_one_above_all_before_it(last, existing, following):
    present = [{"metadata": {"name": name}} for name in existing]
    assert runs.next_sequence(pipeline(status={"lastRun": {"sequence": last}}), present) == following


@pytest.mark.parametrize("offset", range(9))
@pytest.mark.parametrize("limit", [1, 2, 3, 10])
def test_pages_of_rows_and_of_resources_that_the_store_lacks_fit_together(limit, offset):
    rows = [record(n) for n in (50, 40, 30, 20, 10)]
    lacking = [run(n, created=f"2026-03-01T12:{n:02}:00Z") for n in (55, 35, 5)]
    everything = ["run-55", "row-50", "row-40", "run-35", "row-30", "row-20", "row-10", "run-5"]
    start = max(0, offset - len(lacking))
    page = runs.merge_page(rows[start : offset + limit], start, lacking, limit=limit, offset=offset)
    ids = [row.run_id if isinstance(row, RunRecord) else row["metadata"]["uid"] for row in page]
    assert ids == everything[offset : offset + limit]


@pytest.mark.parametrize(
    ("key", "text"), [(None, None), ([], None), (["7"], "7"), (["7", "ü"], '["7", "ü"]'), ([None, "b"], '[null, "b"]')]
)
def test_a_key_of_several_columns_is_a_json_array(key, text):
    assert key_text(key) == text
    assert text is None or len(key) == 1 or json.loads(text) == key


def test_runs_of_one_second_are_told_apart_by_the_fraction_that_the_api_noted():
    moments = {9: "2026-03-01T12:00:00.100000Z", 10: "2026-03-01T12:00:00.900000Z"}
    older, newer = (run(n, annotations={"headrace.dev/created-at": moment}) for n, moment in moments.items())
    for order in ([older, newer], [newer, older]):
        assert runs.last_run_id(pipeline(), order) == "run-10"
        assert runs.merge_page([], 0, order, limit=9, offset=0) == [newer, older]
    assert runs.show_resource(newer, UID, None)["created_at"] == moments[10]
