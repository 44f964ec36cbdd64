"""The mapping of an index, as a pipeline may give it in full."""

import json
from typing import Any

from pydantic import field_validator

from headrace.model.base import Resource, inside

MAPPING_BYTES = 262_144
"""Of an index's mapping as JSON: 1,000 fields, as many as an index has by default, take 60 KB."""
MAPPING_DEPTH = 100
"""How deep a mapping's JSON may be nested: Elasticsearch allows 20 objects within each other, each takes two levels."""


class TargetOptions(Resource):
    """How the target is made."""

    mapping: dict[str, Any] | None = None
    """Of an index: its mapping in full, as Elasticsearch writes it (`{"properties": {…}}`). Without it the mapping is
    made from the query's types."""

    @field_validator("mapping")
    @classmethod
    def _is_json(cls, mapping: dict[str, Any] | None) -> dict[str, Any] | None:
        if mapping is None:
            return None
        _check_json(mapping)
        if "mappings" in mapping:
            raise ValueError("give what stands below `mappings`, not a whole body with settings")
        if not isinstance(mapping.get("properties", {}), dict):
            raise ValueError("`properties` must be an object: field to definition")
        return mapping


def _check_json(value: dict[str, Any]) -> None:
    """Refuses what would not come back from Kubernetes, from the store or from Elasticsearch as it was."""
    level: list[Any] = [value]
    for _ in range(MAPPING_DEPTH):
        objects = [part for part in level if isinstance(part, dict)]
        if any(part is None for node in objects for part in node.values()):
            raise ValueError("null has no meaning in a mapping: leave the parameter out")
        level = [part for node in level for part in inside(node)]
        if not level:
            break
    else:
        raise ValueError(f"it is nested deeper than {MAPPING_DEPTH} levels")
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except ValueError:
        raise ValueError("it is no JSON: NaN, infinity and half of a surrogate pair have no place in it") from None
    if "\\u0000" in text:
        raise ValueError("it has a NUL character in it")
    if size > MAPPING_BYTES:
        raise ValueError(f"it is larger than {MAPPING_BYTES:,} bytes")
