"""The envelope, as the schema shows it."""

from typing import Generic, TypeVar

from pydantic import BaseModel, Field

from headrace_api.bodies.time import Time

T = TypeVar("T")


class Meta(BaseModel):
    """Which request it answers, and when."""

    timestamp: Time
    request_id: str


class ListMeta(Meta):
    """Also which part of the list it is."""

    total: int = Field(description="How many there are in all pages.")
    limit: int
    offset: int


class Envelope(BaseModel, Generic[T]):
    """One thing."""

    data: T
    meta: Meta


class EnvelopeList(BaseModel, Generic[T]):
    """A page of a list."""

    data: list[T]
    meta: ListMeta
