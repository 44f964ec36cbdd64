"""values.yaml: every value with its default, and above it what it means."""

import textwrap
from collections.abc import Iterator
from typing import Any

import yaml

from headrace_chart.schema import Schema, defaults, schema

HEADER = """\
# The values of Headrace's chart. `connections` has to be given; everything else works as it is.
#
# Generated from charts/headrace_chart by `make generate`; edit the model instead.
"""
_WIDTH = 118
_INDENT = "  "


def text() -> str:
    """The whole file."""
    return HEADER + "\n".join(_lines(schema(), defaults(), depth=0)) + "\n"


def _lines(node: Schema, values: dict[str, Any], *, depth: int) -> Iterator[str]:
    indent = _INDENT * depth
    for name, child in node["properties"].items():
        if depth == 0:
            yield ""
        yield from _comment(child, indent)
        if "properties" in child:
            yield f"{indent}{name}:"
            yield from _lines(child, values[name], depth=depth + 1)
        else:
            yield textwrap.indent(_dump(name, values[name]), indent)


def _comment(node: Schema, indent: str) -> list[str]:
    lead = f"{indent}# "
    said = node.get("description", "") + _choices(node)
    return textwrap.wrap(said, _WIDTH, initial_indent=lead, subsequent_indent=lead, break_on_hyphens=False)


def _choices(node: Schema) -> str:
    """The values that there are, unless the sentence names each."""
    words = [str(choice) for choice in node.get("enum", ())]
    named = all(f"`{word}`" in node.get("description", "") for word in words)
    return "" if named else f" One of {', '.join(words)}."


def _dump(name: str, value: Any) -> str:
    return yaml.safe_dump({name: value}, sort_keys=False, allow_unicode=True, width=_WIDTH).rstrip("\n")
