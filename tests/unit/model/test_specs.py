"""Specifications accept what the reference says and refuse the rest by name."""

import json

import pydantic
import pytest

from headrace.model.conditions import Condition, ConditionType, Reason, condition, merge
from headrace.model.pipeline import PipelineSpec, PipelineStatus
from headrace.model.run import RunSpec, RunStatus

FILMS = {"name": "films", "targetTable": "analytics.film_dim", "sourceQuery": "SELECT 1 AS id"}


@pytest.mark.parametrize(
    "name", ["a", "film_dim_full", "Фильмы — все", "映画", "a b", "x" * 200, "🎬", "'; DROP TABLE films; --"]
)
def test_a_name_may_be_of_any_script(name):
    assert PipelineSpec(**{**FILMS, "name": name}).name == name


@pytest.mark.parametrize(
    "name", ["", " ", " a", "a ", "\u00a0a", "a\u2003", "x" * 201, "a\nb", "a\x00", "a\x7f", "a\x85b", "\t"]
)
def test_a_name_has_no_space_at_its_ends_and_no_control_character(name):
    with pytest.raises(pydantic.ValidationError):
        PipelineSpec(**{**FILMS, "name": name})


@pytest.mark.parametrize(
    "fields",
    [
        {"colour": "red"},
        {"batchSize": 0},
        {"batchSize": "many"},
        {"mode": "partial"},
        {"type": "sql"},
        {"incrementalKey": ""},
        {"keyColumns": ["id", "id"]},
        {"keyColumns": [""]},
        {"keyColumns": ["a\x00"]},
        {"incrementalKey": "a\x00"},
        {"keyColumns": "id"},
        {"lookback": "5 minutes"},
        {"lookback": "-5m"},
        {"maxRowsPerSecond": 0},
        {"snapshotSeconds": 0},
        {"sourceQuery": "S" * 262_145},
        {"enabled": None},
        {"versionColumn": ""},
        {"versionColumn": "a\x00"},
        {"softDeleteColumn": "x" * 64},
        {"maxBadRows": -1},
        {"maxBadRows": 100_001},
        {"maxBadRows": None},
        {"target": {"mappings": {}}},
        {"target": "es:films"},
    ],
    ids=str,
)
def test_a_field_out_of_bounds_is_refused(fields):
    with pytest.raises(pydantic.ValidationError) as caught:
        PipelineSpec(**{**FILMS, **fields})
    assert {str(error["loc"][0]) for error in caught.value.errors()} == set(fields)


def nested(levels):
    node = {}
    for _ in range(levels - 1):
        node = {"properties": node}
    return node


MAPPINGS = {
    "settings around it": ({"mappings": {"properties": {}}}, "give what stands below `mappings`"),
    "fields in a list": ({"properties": ["id"]}, "`properties` must be an object"),
    "null": ({"properties": {"id": {"type": None}}}, "null has no meaning"),
    "null in a list": ({"dynamic_templates": [{"strings": None}]}, "null has no meaning"),
    "NaN": ({"_meta": {"n": float("nan")}}, "it is no JSON"),
    "half a surrogate pair": ({"_meta": {"n": "\ud800"}}, "it is no JSON"),
    "NUL": ({"_meta": {"n": "\x00"}}, "a NUL character"),
    "too deep": (nested(101), "nested deeper than 100 levels"),
    "far too deep": (nested(200_000), "nested deeper than 100 levels"),
    "too large": ({"_meta": {"n": "ü" * 131_072}}, "larger than 262,144 bytes"),
    "no object": ([], "valid dictionary"),
}


@pytest.mark.parametrize(("mapping", "says"), MAPPINGS.values(), ids=MAPPINGS.keys())
def test_a_mapping_that_would_not_come_back_as_it_was_is_refused(mapping, says):
    with pytest.raises(pydantic.ValidationError, match=says) as caught:
        PipelineSpec(**FILMS, target={"mapping": mapping})
    assert caught.value.errors()[0]["loc"] == ("target", "mapping")


@pytest.mark.parametrize(
    "mapping",
    [{}, {"properties": {}}, nested(100), {"dynamic": False, "properties": {"ü": {"type": "keyword", "store": True}}}],
    ids=["empty", "no fields", "deep", "usual"],
)
def test_a_mapping_is_kept_letter_by_letter(mapping):
    spec = PipelineSpec(**FILMS, target={"mapping": mapping})
    assert spec.manifest()["target"]["mapping"] == mapping
    assert PipelineSpec(**spec.manifest()) == spec


NOT_SHOWN = ["\x7f", "\x80", "\x9f", "\ufeff", "\uffff"]


@pytest.mark.parametrize("character", NOT_SHOWN, ids=ascii)
@pytest.mark.parametrize(
    ("model", "fields", "field"),
    [
        (PipelineSpec, {**FILMS, "description": "a{}b"}, "description"),
        (PipelineSpec, {**FILMS, "sourceQuery": "SELECT '{}' AS id"}, "sourceQuery"),
        (PipelineSpec, {**FILMS, "nodes": [{"id": "a{}b", "type": "x"}]}, "nodes"),
        (RunSpec, {"pipeline": "films", "tags": ["a{}b"]}, "tags"),
        (RunSpec, {"pipeline": "films", "params": {"a": [{"b{}": 1}]}}, "params"),
        (RunSpec, {"pipeline": "films", "cancelReason": "{}"}, "cancelReason"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_kubectl_could_not_show_is_refused_by_its_code(model, fields, field, character):
    """One such character in one resource, and `kubectl get -o yaml` shows none of them."""
    given = json.loads(json.dumps(fields).replace("{}", json.dumps(character)[1:-1]))
    with pytest.raises(pydantic.ValidationError, match=f"U\\+{ord(character):04X}|match pattern") as caught:
        model(**given)
    assert caught.value.errors()[0]["loc"][0] == field


@pytest.mark.parametrize("character", ["\t", "\n", "\u0085", "é", "映", "🎬"], ids=ascii)
def test_what_kubectl_shows_is_taken(character):
    assert PipelineSpec(**FILMS, description=f"a{character}b").description == f"a{character}b"


def test_what_others_say_is_shown_without_what_kubectl_can_not_show():
    found = condition(
        ConditionType.READY, None, Reason.INVALID_SPEC, "no \x7f", now="2026-01-01T00:00:00Z", generation=1
    )
    assert found.message == "no \N{REPLACEMENT CHARACTER}"


def test_a_manifest_reads_back_as_itself():
    spec = PipelineSpec(**FILMS, mode="incremental", incrementalKey="modified", keyColumns=["id"])
    assert PipelineSpec(**spec.manifest()) == spec
    assert "description" not in spec.manifest()


def test_a_pause_is_no_change_of_the_configuration():
    spec = PipelineSpec(**FILMS)
    assert spec.model_copy(update={"suspend": True}).configuration() == spec.configuration()
    assert spec.model_copy(update={"enabled": False}).configuration() != spec.configuration()


@pytest.mark.parametrize("status", [PipelineStatus, RunStatus])
def test_a_status_that_a_newer_version_wrote_can_be_read(status):
    assert status(phase="RUNNING", shards=4).phase == "RUNNING"


def test_a_run_names_its_pipeline():
    with pytest.raises(pydantic.ValidationError):
        RunSpec()
    with pytest.raises(pydantic.ValidationError):
        RunSpec(pipeline="films", kind="Reload")


def ready(now, *, status=True):
    return condition(ConditionType.READY, status, Reason.VALID, "", now=now, generation=1)


def test_a_condition_without_a_message_says_its_reason():
    made = ready("2026-01-01T00:00:00Z")
    assert (made.type, made.status, made.message) == ("Ready", "True", Reason.VALID.sentence)


def test_a_condition_keeps_its_time_while_its_status_stays():
    old = [ready("2026-01-01T00:00:00Z")]
    assert merge(old, [ready("2026-01-02T00:00:00Z")]) == old
    (moved,) = merge(old, [ready("2026-01-02T00:00:00Z", status=False)])
    assert isinstance(moved, Condition)
    assert moved.last_transition_time == "2026-01-02T00:00:00Z"


@pytest.mark.parametrize("member", [*ConditionType, *Reason])
def test_every_condition_and_reason_has_a_sentence(member):
    assert member.sentence.endswith(".")
    assert member.value.isidentifier()


@pytest.mark.parametrize("name", ["films", "film-dim-1a2b3c4d-2", "a.b-c.d", "9"])
def test_a_run_names_a_resource(name):
    assert RunSpec(pipeline=name).pipeline == name


@pytest.mark.parametrize(
    "name", ["", "films/status", "films?x=1", "../secrets", "..", ".", "a..b", "Films", "a,b", "-a"]
)
def test_a_run_names_nothing_that_could_lead_elsewhere_in_the_path_of_a_url(name):
    with pytest.raises(pydantic.ValidationError):
        RunSpec(pipeline=name)
