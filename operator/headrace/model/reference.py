"""The reference page of the resources, generated from the models."""

from typing import Any

from headrace import names
from headrace.model.conditions import ConditionType, Described, Reason
from headrace.model.crd import structural
from headrace.model.kind import Kind, Rule
from headrace.model.kinds import KINDS

_INTRODUCTION = f"""# Reference: resources

<!-- Generated from headrace.model by `make generate`; edit the models instead. -->

All resources are of `{names.API_VERSION}`, namespaced, in the category `{names.CATEGORY}`:
`kubectl get {names.CATEGORY}` lists them.
`kubectl explain etlpipeline.spec` shows the same.
"""


def page() -> str:
    """The whole page as Markdown."""
    sections = [_INTRODUCTION, *map(_kind, KINDS)]
    sections.append(_enum("Conditions", "Condition", ConditionType))
    sections.append(_enum("Reasons of conditions", "Reason", Reason))
    return "\n".join(sections)


def _kind(kind: Kind) -> str:
    return "\n".join(
        [
            f"## {kind.kind} (`{kind.short}`)\n",
            f"{kind.description}\n",
            "### spec\n",
            _table(structural(kind.spec)),
            "Rules:\n",
            *[f"- {_sentence(rule)}" for rule in kind.rules],
            "\n### status\n",
            _table(structural(kind.status)),
        ]
    )


def _sentence(rule: Rule) -> str:
    return f"`{rule.field}`: {rule.message}" if rule.field else rule.message


def _table(schema: dict[str, Any]) -> str:
    required = schema.get("required", [])
    rows = ["| field | type | default | meaning |", "|---|---|---|---|"]
    for name, field in schema["properties"].items():
        default = "**required**" if name in required else _default(field)
        rows.append(f"| `{name}` | {_type(field)} | {default} | {_escape(field.get('description', ''))} |")
    return "\n".join(rows) + "\n"


def _default(field: dict[str, Any]) -> str:
    default = field.get("default")
    if default in (None, [], {}):
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _type(field: dict[str, Any]) -> str:
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    kind = str(field.get("type", "any"))
    return f"list of {_type(field['items'])}" if "items" in field else kind


def _enum(title: str, column: str, members: type[Described]) -> str:
    rows = [f"## {title}\n", f"| {column} | meaning |", "|---|---|"]
    return "\n".join([*rows, *[f"| `{m.value}` | {_escape(m.sentence)} |" for m in members]]) + "\n"


def _escape(text: str) -> str:
    return text.replace("|", "\\|")
