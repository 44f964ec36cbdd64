"""The envelope, as the schema shows it."""

from typing import Generic, TypeVar

from pydantic import BaseModel

from headrace_api.bodies.time import Time

T = TypeVar("T")


class Meta(BaseModel):
    """Which request it answers, and when."""

    timestamp: Time
    request_id: str


class Envelope(BaseModel, Generic[T]):
    """One thing."""

    data: T
    meta: Meta
