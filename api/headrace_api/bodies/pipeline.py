"""Pipelines as callers send and see them: the fields of EtlPipeline's spec in snake_case, without the pause."""

from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, create_model

from headrace.lifecycle.state import Phase
from headrace.model.pipeline import PipelineSpec
from headrace_api.bodies import derive
from headrace_api.bodies.examples import PIPELINE, PIPELINE_IN, PIPELINE_PATCH
from headrace_api.bodies.time import Time


class _References(BaseModel):
    """What manifests name by its `metadata.name`, and callers by its id."""

    project_id: str | None = Field(default=None, description="Id of the project that it belongs to; null: none.")
    source_id: str | None = Field(
        default=None,
        description="Id of the source that it reads from; null: the installation's default. Shown as null too where a"
        " manifest names one that does not exist: the resource's condition says so, no run starts, and a PUT has to"
        " name one.",
    )
    destination_id: str | None = Field(
        default=None,
        description="Id of the destination that it writes to, of type elasticsearch where `target_table` is an index;"
        " null: the installation's default. Shown as null too where a manifest names one that does not exist.",
    )


# The pause has calls of its own: no caller sets it.
_HIDDEN = frozenset({"project", "source", "destination", "suspend"})
_OWN = {name: info for name, info in PipelineSpec.model_fields.items() if name not in _HIDDEN}
FIELDS = {**_OWN, **_References.model_fields}
"""What callers send and see, by its name."""


def _config(example: dict[str, Any], *, extra: str | None = None) -> ConfigDict:
    config = ConfigDict(json_schema_extra={"examples": [example]}, json_schema_serialization_defaults_required=True)
    if extra == "forbid":
        config["extra"] = "forbid"
    return config


if TYPE_CHECKING:
    PipelineIn: TypeAlias = BaseModel
    PipelinePatch: TypeAlias = BaseModel
else:
    PipelineIn = create_model(
        "PipelineIn",
        __config__=_config(PIPELINE_IN, extra="forbid"),
        __doc__="A pipeline's configuration; what is left out gets its default.",
        **{name: derive.required_or_default(info) for name, info in FIELDS.items()},
    )
    PipelinePatch = create_model(
        "PipelinePatch",
        __config__=_config(PIPELINE_PATCH, extra="forbid"),
        __doc__="The fields to change; what is left out stays.",
        **{name: derive.optional(info) for name, info in FIELDS.items()},
    )


class _Identity(BaseModel):
    id: str = Field(description="UUID: the `metadata.uid` of the EtlPipeline.")


class _Derived(BaseModel):
    status: Phase = Field(description="The state, computed from what is wanted and what is seen.")
    created_at: Time = Field(description="When the pipeline was made.")
    updated_at: Time = Field(description="When its configuration last changed.")


if TYPE_CHECKING:
    Pipeline: TypeAlias = BaseModel
else:
    Pipeline = create_model(
        "Pipeline",
        __base__=(_Derived, _Identity),
        __doc__="A pipeline: its configuration and its state.",
        **{name: derive.shown(info) for name, info in FIELDS.items()},
    )
    Pipeline.model_config.update(_config(PIPELINE))
    Pipeline.model_rebuild(force=True)


class RunningPipeline(Pipeline):
    """The pipeline, and the run that was asked for."""

    pipeline_id: str = Field(description="The pipeline's id.")
    run_id: str = Field(description="The run's id.")


class PausedPipeline(Pipeline):
    """The pipeline after a pause was asked for."""

    pipeline_id: str = Field(description="The pipeline's id.")


class PipelineStatus(BaseModel):
    """Where a pipeline stands."""

    pipeline_id: str
    status: Phase
    last_run_id: str | None = Field(description="The run that was asked for last.")
    last_updated_at: Time = Field(description="When the state last changed.")


class PipelineState(BaseModel):
    """A pipeline's checkpoint; all null before the first."""

    pipeline_id: str
    last_processed_id: str | None = Field(
        description="Key of the last committed row, as text; a JSON array when it has several columns."
    )
    last_processed_value: str | None = Field(description="Cursor value of the last committed row, as text.")
    updated_at: Time | None = Field(description="When it was committed.")
