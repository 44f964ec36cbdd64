"""What callers give a run: values for the parameters of its query, and tags to find it by."""

import json
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from headrace.model.base import inside

PARAMS_BYTES, PARAMS_DEPTH = 262_144, 100
"""Of a run's parameters as JSON: they are bound into a query, which has as many characters at most."""
MOST_TAGS, TAG_LENGTH = 50, 200
_LARGEST = 2**63 - 1
"""Kubernetes makes a float of a larger number, silently."""


def storable_params(params: dict[str, Any]) -> dict[str, Any]:
    """The parameters, when they come back from Kubernetes as they were; ValueError says what is wrong."""
    level: list[Any] = [params]
    for _ in range(PARAMS_DEPTH):
        level = [part for node in level for part in inside(node)]
        for flaw in filter(None, map(_flaw, level)):
            raise ValueError(flaw)
        if not level:
            break
    else:
        raise ValueError(f"they are nested deeper than {PARAMS_DEPTH} levels")
    check_size(params, PARAMS_BYTES)
    return params


def check_size(params: dict[str, Any], most: int) -> None:
    """Raises ValueError for parameters that are larger, or no JSON."""
    try:
        size = len(json.dumps(params, ensure_ascii=False, allow_nan=False).encode())
    except ValueError:
        raise ValueError("they are no JSON: NaN, infinity and half of a surrogate pair have no place in it") from None
    if size > most:
        raise ValueError(f"they are larger than {most:,} bytes of JSON")


def _flaw(part: Any) -> str:
    if isinstance(part, int) and abs(part) > _LARGEST:
        return "they have a whole number of more than 64 bits in them: give it as text"
    return "they have a NUL character in them" if isinstance(part, str) and "\0" in part else ""


def _few(tags: list[str] | dict[str, str]) -> list[str] | dict[str, str]:
    texts = [*tags, *tags.values()] if isinstance(tags, dict) else tags
    if len(tags) > MOST_TAGS or not all(tags) or any(len(text) > TAG_LENGTH or "\0" in text for text in texts):
        raise ValueError(f"at most {MOST_TAGS} tags, none of them empty or longer than {TAG_LENGTH} characters")
    return tags


Params = Annotated[dict[str, Any], Field(max_length=100), AfterValidator(storable_params)]
"""Values for a query's parameters, by name."""
Tags = Annotated[list[str] | dict[str, str], AfterValidator(_few)]
"""As they were given: names, or names with values."""
