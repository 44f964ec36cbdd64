"""What requests may hold, derived from the resources' models."""

import pytest
from pydantic import ValidationError

from headrace.model.pipeline import PipelineSpec
from headrace_api.bodies import examples
from headrace_api.bodies.backfill import Backfill, BackfilledRuns, BackfillIn
from headrace_api.bodies.pipeline import FIELDS, Pipeline, PipelineIn, PipelinePatch
from headrace_api.bodies.project import Project, ProjectIn, ProjectPatch, ProjectStatistics
from headrace_api.bodies.schedule import Schedule, ScheduleIn

NEEDED = {"name": "a", "target_table": "b.c"}


def test_every_field_but_the_pause_is_there():
    named = {"project", "source", "destination"}
    expected = set(PipelineSpec.model_fields) - {"suspend", *named} | {f"{name}_id" for name in named}
    assert set(FIELDS) == set(PipelineIn.model_fields) == set(PipelinePatch.model_fields) == expected
    assert set(Pipeline.model_fields) == expected | {"id", "status", "created_at", "updated_at"}


def test_limits_and_descriptions_are_in_the_schema():
    for model in (PipelineIn, PipelinePatch):
        properties = model.model_json_schema()["properties"]
        assert all(schema["description"] for schema in properties.values())
        size, rate = properties["batch_size"], properties["max_rows_per_second"]["anyOf"][0]
        assert size.items() >= {"type": "integer", "minimum": 1}.items()
        assert rate.items() >= {"type": "integer", "minimum": 1}.items()
        assert properties["name"]["maxLength"] == 200


@pytest.mark.parametrize("model", [PipelineIn, PipelinePatch])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("batch_size", "5"), ("batch_size", True), ("batch_size", 5.5), ("batch_size", 0), ("enabled", 1),
        ("enabled", "yes"), ("max_rows_per_second", "1"), ("max_rows_per_second", 0), ("name", None), ("mode", "x"),
        ("key_columns", "a"), ("key_columns", [1]), ("description", 5), ("status", "IDLE"),
        ("max_bad_rows", True), ("max_bad_rows", -1), ("version_column", 1), ("target", "es:a"), ("target", {"x": 1}),
        ("suspend", True),
    ],
)  # fmt: skip
def test_a_wrong_type_is_refused_and_not_bent(model, field, value):
    with pytest.raises(ValidationError) as caught:
        model.model_validate({**NEEDED, field: value})
    assert {error["loc"][0] for error in caught.value.errors()} == {field}


def test_an_integer_may_be_written_with_a_point():
    assert PipelineIn.model_validate({**NEEDED, "batch_size": 5.0}).model_dump()["batch_size"] == 5


def test_a_patch_holds_only_what_was_sent():
    assert PipelinePatch.model_validate({}).model_dump(exclude_unset=True) == {}
    sent = {"batch_size": 5, "description": None, "enabled": False}
    assert PipelinePatch.model_validate(sent).model_dump(exclude_unset=True) == sent


@pytest.mark.parametrize(
    ("model", "example"),
    [
        (PipelineIn, examples.PIPELINE_IN),
        (PipelinePatch, examples.PIPELINE_PATCH),
        (Pipeline, examples.PIPELINE),
        (ProjectIn, examples.PROJECT_IN),
        (ProjectPatch, examples.PROJECT_PATCH),
        (Project, examples.PROJECT),
        (ProjectStatistics, examples.STATISTICS),
        (ScheduleIn, examples.SCHEDULE_IN),
        (Schedule, examples.SCHEDULE),
        *((BackfillIn, example) for example in examples.BACKFILL_IN),
        (BackfilledRuns, examples.BACKFILL_RUNS),
        (Backfill, examples.BACKFILL),
    ],
)
def test_what_the_schema_shows_as_an_example_is_one(model, example):
    parsed = model.model_validate(example)
    if model in (Pipeline, Project, Schedule, Backfill):
        assert parsed.model_dump(mode="json", by_alias=True) == example
