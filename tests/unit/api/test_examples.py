"""The examples that the OpenAPI schema shows."""

import importlib
import pkgutil

import pytest
from pydantic import BaseModel

from headrace_api import bodies
from headrace_api.bodies.connection import SecretReference
from headrace_api.bodies.destination import Destination
from headrace_api.bodies.preview import Preview
from headrace_api.bodies.source import Slot, Source, Wal, WalIn
from headrace_api.bodies.wal import WalMeasurement


def examples_of(model):
    return (getattr(model, "model_config", {}).get("json_schema_extra") or {}).get("examples", ())


def its_own(model):
    """Without those of a model that it only adds fields to."""
    return () if examples_of(model) == examples_of(model.__base__) else examples_of(model)


PATHS = [f"{bodies.__name__}.{found.name}" for found in pkgutil.iter_modules(bodies.__path__)]
MODELS = {
    value
    for path in PATHS
    for value in vars(importlib.import_module(path)).values()
    if isinstance(value, type) and issubclass(value, BaseModel)
}
EXAMPLES = [
    pytest.param(model, example, id=model.__name__)
    for model in sorted(MODELS, key=lambda model: model.__name__)
    for example in its_own(model)
]


def hidden(example):
    """What no model shows once it has taken it."""
    return {"password": "**********"} if "password" in example else {}


@pytest.mark.parametrize(("model", "example"), EXAMPLES)
def test_an_example_is_what_it_is_an_example_of(model, example):
    shown = model.model_validate(example).model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert shown == {**example, **hidden(example)}


def test_the_bodies_of_runs_and_streams_have_examples():
    shown = {param.id for param in EXAMPLES}
    assert shown >= {"RunIn", "StartIn", "CancelIn", "PlatformRun", "Accepted", "Task", "LogLine", "Statistics"}
    assert shown >= {"StreamIn", "StopIn", "Execution", "Stream"}


@pytest.mark.parametrize("model", [Source, Destination, WalMeasurement, Slot, Wal, WalIn, SecretReference, Preview])
def test_sources_and_destinations_are_described_field_by_field_and_by_an_example(model):
    schema = model.model_json_schema()
    assert schema["examples"]
    assert [name for name, field in schema["properties"].items() if "description" not in field] == []
