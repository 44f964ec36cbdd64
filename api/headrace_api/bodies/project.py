"""Projects as callers send and see them: the fields of EtlProject's spec."""

from typing import TYPE_CHECKING, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, create_model

from headrace.model.project import ProjectSpec
from headrace_api.bodies import derive
from headrace_api.bodies.examples import PROJECT, PROJECT_IN, PROJECT_PATCH, STATISTICS
from headrace_api.bodies.time import Time

FIELDS = ProjectSpec.model_fields

if TYPE_CHECKING:
    ProjectIn: TypeAlias = BaseModel
    ProjectPatch: TypeAlias = BaseModel
else:
    ProjectIn = create_model(
        "ProjectIn",
        __config__=ConfigDict(extra="forbid", json_schema_extra={"examples": [PROJECT_IN]}),
        __doc__="A project that is to be made.",
        **{name: derive.required_or_default(info) for name, info in FIELDS.items()},
    )
    ProjectPatch = create_model(
        "ProjectPatch",
        __config__=ConfigDict(extra="forbid", json_schema_extra={"examples": [PROJECT_PATCH]}),
        __doc__="The fields to change; what is left out stays, null empties description and owner.",
        **{name: derive.optional(info) for name, info in FIELDS.items()},
    )


class ProjectPipeline(BaseModel):
    """A pipeline of the project."""

    id: str
    name: str
    nodes: list[str] = Field(description="The names of its tasks, in their order.")


class Project(BaseModel):
    """A name under which pipelines, their runs and schedules are grouped."""

    model_config = ConfigDict(json_schema_extra={"examples": [PROJECT]})

    id: str = Field(description="UUID: the `metadata.uid` of the EtlProject.")
    name: str
    description: str | None
    owner: str | None = Field(description="Who answers for it.")
    created_at: Time
    updated_at: Time = Field(description="When one of its own fields last changed.")
    pipelines: list[ProjectPipeline] = Field(description="Those that are in it, by name.")


class ProjectStatistics(BaseModel):
    """How the runs of a project's pipelines went."""

    model_config = ConfigDict(json_schema_extra={"examples": [STATISTICS]})

    total_pipelines: int
    total_runs: int = Field(description="Without reconciles.")
    success_rate: float | None = Field(ge=0, le=1, description="SUCCESS of SUCCESS and FAILED; null without any.")
    average_run_seconds: float | None = Field(
        ge=0, description="From start to end of those that succeeded or failed; null without any."
    )
