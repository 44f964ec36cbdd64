"""The health of the API and of what it stands on."""

from typing import Literal

from pydantic import BaseModel, Field

from headrace_api.bodies.time import Time

Part = Literal["ok", "unavailable"]


class Health(BaseModel):
    """What works."""

    status: Literal["ok", "degraded"]
    db: Part = Field(description="The store's Postgres.")
    kubernetes: Part = Field(description="The Kubernetes API.")
    version: str
    timestamp: Time


class Probe(BaseModel):
    """The answer of a probe."""

    status: Literal["ok", "unavailable"]
