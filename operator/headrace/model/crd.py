"""CustomResourceDefinitions from the models: structural schemas with descriptions, defaults, limits and CEL rules."""

from typing import Any

from headrace import names
from headrace.model.base import Resource
from headrace.model.kind import Column, Kind, Rule

Schema = dict[str, Any]

_KEPT = (
    "type", "description", "default", "enum", "format", "pattern",
    "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "maxProperties", "x-kubernetes-validations",
)  # fmt: skip
_PRESERVED = "x-kubernetes-preserve-unknown-fields"


def crd(kind: Kind) -> dict[str, Any]:
    """The CustomResourceDefinition of a kind."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{names.GROUP}"},
        "spec": {
            "group": names.GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "plural": kind.plural,
                "singular": kind.kind.lower(),
                "shortNames": [kind.short],
                "categories": [names.CATEGORY],
            },
            "versions": [_version(kind)],
        },
    }


def _version(kind: Kind) -> dict[str, Any]:
    spec, status = structural(kind.spec), structural(kind.status)
    spec["description"], status["description"] = kind.spec.__doc__, kind.status.__doc__
    if kind.rules:
        # An empty list does not come back from the API server: the chart would take the definition for another one.
        spec["x-kubernetes-validations"] = [_rule(rule) for rule in kind.rules]
    return {
        "name": names.VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "selectableFields": [{"jsonPath": path} for path in kind.selectable],
        "additionalPrinterColumns": [_column(column) for column in kind.columns],
        "schema": {
            "openAPIV3Schema": {
                "type": "object",
                "description": kind.description,
                "required": ["spec"],
                "properties": {
                    "apiVersion": {"type": "string"},
                    "kind": {"type": "string"},
                    "metadata": {"type": "object"},
                    "spec": spec,
                    "status": status,
                },
            }
        },
    }


def _rule(rule: Rule) -> dict[str, str]:
    place = {"fieldPath": f".{rule.field}"} if rule.field else {}
    return {"rule": rule.rule, "message": rule.message, **place}


def _column(column: Column) -> dict[str, Any]:
    out: dict[str, Any] = {"name": column.name, "type": column.type, "jsonPath": column.path}
    if column.description:
        out["description"] = column.description
    return out | ({"priority": 1} if column.wide else {})


def structural(model: type[Resource]) -> Schema:
    """A model's JSON schema in the subset that Kubernetes takes: no references, no unions but with null."""
    schema = model.model_json_schema(by_alias=True)
    return _convert(schema, schema.get("$defs", {}))


def _convert(node: Schema, definitions: Schema) -> Schema:
    if _PRESERVED in node:
        # Of more than one type, which a structural schema can't say: the operator checks it.
        return {key: node[key] for key in ("description", _PRESERVED) if key in node}
    node = _resolve(node, definitions)
    out: Schema = {key: node[key] for key in _KEPT if node.get(key) is not None and node.get(key) != ""}
    if "const" in node:
        out["enum"] = [node["const"]]
    if "description" in out:
        out["description"] = " ".join(out["description"].split())
    if "properties" in node:
        out["properties"] = {name: _convert(child, definitions) for name, child in node["properties"].items()}
        if node.get("required"):
            # A copy: what is in two places is an anchor in YAML.
            out["required"] = list(node["required"])
    elif "items" in node:
        out["items"] = _convert(node["items"], definitions)
    elif isinstance(node.get("additionalProperties"), dict):
        out["additionalProperties"] = _convert(node["additionalProperties"], definitions)
    elif node.get("type") == "object":
        # Values of any JSON type, kept as they are. Below additionalProperties they would be invisible to CEL.
        out[_PRESERVED] = True
    if node.get("type") == "integer":
        out["format"] = "int64"
    return out


def _resolve(node: Schema, definitions: Schema) -> Schema:
    """Follows a reference, and takes the one alternative of `X or null`; what stands beside it wins."""
    for union in ("anyOf", "allOf"):
        if union in node:
            (only,) = [option for option in node[union] if option.get("type") != "null"]
            node = {**only, **{key: value for key, value in node.items() if key != union}}
    if "$ref" in node:
        target = definitions[node["$ref"].rsplit("/", 1)[-1]]
        node = {**_resolve(target, definitions), **{key: value for key, value in node.items() if key != "$ref"}}
    return node
