"""The JSON schema of the values: what the model says, without references, so that a message names the whole key."""

from functools import cache
from typing import Any

from headrace_chart.values import Values

Schema = dict[str, Any]

DIALECT = "http://json-schema.org/draft-07/schema#"
_KEPT = (
    "type", "description", "enum", "pattern", "minimum", "maximum", "exclusiveMinimum", "minLength", "maxLength",
    "minItems",
)  # fmt: skip


def defaults() -> dict[str, Any]:
    """The values as they are when nobody sets any."""
    return dict(_plain(Values().model_dump(mode="json", by_alias=True)))


def _plain(value: Any) -> Any:
    """30.0 as a person writes it."""
    if isinstance(value, dict):
        return {name: _plain(child) for name, child in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value


@cache
def schema() -> Schema:
    """The whole schema."""
    whole = Values.model_json_schema(by_alias=True)
    return {"$schema": DIALECT, **_convert(whole, whole["$defs"])}


def _convert(node: Schema, definitions: Schema) -> Schema:
    node = _resolve(node, definitions)
    out: Schema = {key: node[key] for key in _KEPT if key in node}
    if "description" in out:
        out["description"] = " ".join(out["description"].split())
    if "properties" in node:
        out["properties"] = {name: _convert(child, definitions) for name, child in node["properties"].items()}
        # A key that is not there is a typo.
        out["additionalProperties"] = False
        if node.get("required"):
            out["required"] = node["required"]
    elif "items" in node:
        out["items"] = _convert(node["items"], definitions)
    elif isinstance(node.get("additionalProperties"), dict):
        out["additionalProperties"] = _convert(node["additionalProperties"], definitions)
    return out


def _resolve(node: Schema, definitions: Schema) -> Schema:
    """Follows a reference; what stands beside it wins."""
    if "$ref" not in node:
        return node
    own = {key: value for key, value in node.items() if key != "$ref"}
    return {**definitions[node["$ref"].rsplit("/", 1)[-1]], **own}
