"""A pipeline's tasks, as people think of them, and which comes before which."""

from pydantic import Field

from headrace.model.base import Resource

NODE_PATTERN = r"^[^\s\x00-\x1f\x7f]+( [^\s\x00-\x1f\x7f]+)*$"


class Node(Resource):
    """A task of a pipeline."""

    id: str = Field(min_length=1, max_length=100, pattern=NODE_PATTERN)
    """What it is called, once in a pipeline."""
    type: str = Field(min_length=1, max_length=100, pattern=NODE_PATTERN)
    """What it does. extract, source, read or query: it extracts. load, target, sink, write or destination: it loads.
    Any other: it transforms."""


class Edge(Resource):
    """One task comes before another."""

    from_: str = Field(alias="from", min_length=1, max_length=100)
    """The id of the one that comes first."""
    to: str = Field(min_length=1, max_length=100)
    """The id of the one that comes after it."""
