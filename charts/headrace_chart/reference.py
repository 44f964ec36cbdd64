"""docs/values.md: a table of each section."""

import json
from collections.abc import Iterator
from typing import Any

from headrace_chart.schema import Schema, defaults, schema

_INTRODUCTION = """\
# Reference: values of the chart

<!-- Generated from charts/headrace_chart by `make generate`; edit the model instead. -->

`connections.existingSecret` (or `connections.store`) has to be given; everything else has a default. A key that is not
here is refused, and so is a value of another form. [Install](install.md) says which values are for what.
"""
_HEAD = ["| value | type | default | meaning |", "|---|---|---|---|"]


def page() -> str:
    """The whole page as Markdown."""
    sections = {name: node for name, node in schema()["properties"].items() if "properties" in node}
    single = {name: node for name, node in schema()["properties"].items() if name not in sections}
    parts = [_INTRODUCTION]
    parts += [_section(name, node, defaults()[name]) for name, node in sections.items()]
    parts.append("\n".join(["## Everything else\n", *_HEAD, *_rows(single, defaults(), "")]) + "\n")
    return "\n".join(parts)


def _section(name: str, node: Schema, values: dict[str, Any]) -> str:
    rows = _rows(node["properties"], values, f"{name}.")
    return "\n".join([f"## {name}\n", f"{node['description']}\n", *_HEAD, *rows]) + "\n"


def _rows(fields: dict[str, Schema], values: dict[str, Any], prefix: str) -> Iterator[str]:
    for name, node in fields.items():
        if "properties" in node:
            yield from _rows(node["properties"], values[name], f"{prefix}{name}.")
        else:
            meaning = node.get("description", "").replace("|", "\\|")
            yield f"| `{prefix}{name}` | {_type(node)} | {_default(values[name])} | {meaning} |"


def _type(node: Schema) -> str:
    if "enum" in node:
        return ", ".join(f"`{choice}`" for choice in node["enum"])
    kind = node["type"]
    if kind == "array":
        return f"list of {_type(node['items'])}"
    if kind == "object":
        return "map"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _default(value: Any) -> str:
    if value in ("", [], {}):
        return ""
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"
