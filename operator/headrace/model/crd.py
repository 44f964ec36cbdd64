"""CustomResourceDefinitions from the models: structural schemas with descriptions, defaults, limits and CEL rules."""

from dataclasses import dataclass
from typing import Any

from headrace import names
from headrace.model.base import Resource, Status
from headrace.model.pipeline import PipelineSpec, PipelineStatus
from headrace.model.run import RunSpec, RunStatus

Schema = dict[str, Any]

_KEPT = (
    "type", "description", "default", "enum", "format", "pattern",
    "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "maxProperties", "x-kubernetes-validations",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of `kubectl get`."""

    name: str
    path: str
    type: str = "string"
    description: str = ""
    wide: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule that the API server checks by itself (CEL)."""

    rule: str
    message: str
    field: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """All that a CRD says beyond its models."""

    kind: str
    plural: str
    short: str
    description: str
    spec: type[Resource]
    status: type[Status]
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]
    selectable: tuple[str, ...]


PIPELINE = Kind(
    kind=names.PIPELINE_KIND,
    plural=names.PIPELINE_PLURAL,
    short="etlp",
    description="EtlPipeline says what rows are to be moved: a query on a source, a mode, and a target.",
    spec=PipelineSpec,
    status=PipelineStatus,
    columns=(
        Column(name="Phase", path=".status.phase", description="Where the pipeline stands."),
        Column(name="Mode", path=".spec.mode", description="full or incremental."),
        Column(name="Target", path=".spec.targetTable", description="Where rows go."),
        Column(name="Last run", path=".status.lastRun.phase", description="How the last run ended."),
        Column(name="Read", path=".status.lastRun.rowsRead", type="integer", description="Rows the last run read."),
        Column(
            name="Written", path=".status.lastRun.rowsWritten", type="integer", description="Rows the last run changed."
        ),
        Column(name="Finished", path=".status.lastRun.finishedAt", type="date", description="When the last run ended."),
        Column(name="Age", path=".metadata.creationTimestamp", type="date"),
        Column(
            name="Dead letters", path=".status.deadLetters", type="integer", description="Rows put aside.", wide=True
        ),
        Column(
            name="Ready", path='.status.conditions[?(@.type=="Ready")].reason', description="Is it valid?", wide=True
        ),
        Column(name="Name", path=".spec.name", description="The name shown to people.", wide=True),
    ),
    rules=(
        Rule(
            rule="self.mode != 'incremental' || has(self.incrementalKey)",
            message="mode incremental needs an incrementalKey: a column of the query that only grows",
            field="incrementalKey",
        ),
        Rule(
            rule="self.type != 'SQL' || (has(self.sourceQuery) && self.sourceQuery.size() > 0)",
            message="type SQL needs a sourceQuery: one SELECT",
            field="sourceQuery",
        ),
        *(
            Rule(
                rule=f"!({asked}) || self.targetTable.startsWith('es:')",
                message=f"{field} is for Elasticsearch: a targetTable like es:index",
                field=field,
            )
            for field, asked in {
                "versionColumn": "has(self.versionColumn)",
                "softDeleteColumn": "has(self.softDeleteColumn)",
                "maxBadRows": "has(self.maxBadRows) && self.maxBadRows > 0",
                "target": "has(self.target) && has(self.target.mapping)",
            }.items()
        ),
    ),
    selectable=(".spec.name", ".spec.mode", ".spec.targetTable"),
)

RUN = Kind(
    kind=names.RUN_KIND,
    plural=names.RUN_PLURAL,
    short="etlr",
    description="EtlRun asks for one execution of an EtlPipeline, and shows how it went.",
    spec=RunSpec,
    status=RunStatus,
    columns=(
        Column(name="Pipeline", path=".spec.pipeline", description="The pipeline that runs."),
        Column(name="Kind", path=".spec.kind", description="What the run does."),
        Column(name="Phase", path=".status.phase", description="Where the run stands."),
        Column(name="Read", path=".status.progress.rowsRead", type="integer", description="Rows from the source."),
        Column(name="Written", path=".status.progress.rowsWritten", type="integer", description="Rows changed."),
        Column(name="Bad", path=".status.progress.badRows", type="integer", description="Rows refused.", wide=True),
        Column(name="Started", path=".status.startedAt", type="date"),
        Column(name="Finished", path=".status.finishedAt", type="date"),
        Column(name="Age", path=".metadata.creationTimestamp", type="date"),
        Column(name="Message", path=".status.errorMessage", description="Why it failed.", wide=True),
    ),
    rules=(
        Rule(rule="self.pipeline == oldSelf.pipeline", message="pipeline can't be changed", field="pipeline"),
        Rule(
            rule="has(self.params) == has(oldSelf.params)",
            message="params can't be changed: create another run",
            field="params",
        ),
        Rule(rule="self.kind == oldSelf.kind", message="kind can't be changed", field="kind"),
        Rule(rule="!oldSelf.cancel || self.cancel", message="a cancel can't be withdrawn: create another run"),
    ),
    selectable=(".spec.pipeline", ".spec.kind"),
)

KINDS = (PIPELINE, RUN)


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
    node = _resolve(node, definitions)
    out: Schema = {key: node[key] for key in _KEPT if node.get(key) is not None and node.get(key) != ""}
    if "description" in out:
        out["description"] = " ".join(out["description"].split())
    if "properties" in node:
        out["properties"] = {name: _convert(child, definitions) for name, child in node["properties"].items()}
        if node.get("required"):
            out["required"] = node["required"]
    elif "items" in node:
        out["items"] = _convert(node["items"], definitions)
    elif isinstance(node.get("additionalProperties"), dict):
        out["additionalProperties"] = _convert(node["additionalProperties"], definitions)
    elif node.get("type") == "object":
        # Values of any JSON type, kept as they are. Below additionalProperties they would be invisible to CEL.
        out["x-kubernetes-preserve-unknown-fields"] = True
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
