"""EtlProject: a name under which pipelines, their runs and schedules are grouped."""

from pydantic import Field, field_validator

from headrace.model.base import NAME_PATTERN, Resource, Status, printable
from headrace.model.conditions import Condition


class ProjectSpec(Resource):
    """What a project is called, and whose it is."""

    name: str = Field(min_length=1, max_length=200, pattern=NAME_PATTERN)
    """Name shown to people, unique in the namespace (case counts): 1 to 200 characters of any script, no control
    characters, no space at either end."""
    description: str | None = Field(default=None, max_length=10_000)
    """What the project is for."""
    owner: str | None = Field(default=None, min_length=1, max_length=200, pattern=NAME_PATTERN)
    """Who answers for it: a person or a team."""

    @field_validator("name", "owner")
    @classmethod
    def _printable(cls, name: str | None) -> str | None:
        return name if name is None else printable(name)


class ProjectStatus(Status):
    """What the operator saw; written by the operator only."""

    observed_generation: int | None = None
    """The generation of the specification that this status was computed from."""
    pipelines: int = 0
    """How many pipelines name it."""
    conditions: list[Condition] = Field(default_factory=list)
    """Ready."""
