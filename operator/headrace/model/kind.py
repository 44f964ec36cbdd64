"""What a resource definition says beyond its models: columns, rules, fields to select by."""

from dataclasses import dataclass

from headrace.model.base import Resource, Status


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


def fixed(*fields: str) -> tuple[Rule, ...]:
    """Optional texts that stay as they were when the resource was made."""
    return tuple(Rule(rule=_is_fixed(field), message=f"{field} can't be changed", field=field) for field in fields)


def _is_fixed(field: str) -> str:
    new, old = f"self.{field}", f"oldSelf.{field}"
    return f"has({new}) == has({old}) && (!has({new}) || {new} == {old})"


AGE = Column(name="Age", path=".metadata.creationTimestamp", type="date")
READY = Column(
    name="Ready", path='.status.conditions[?(@.type=="Ready")].reason', description="Is it valid?", wide=True
)
