"""What an index says of itself: `_meta.headrace` in its mapping."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from headrace.runspec import RunSpec

DRAWN = "drawn"
"""The version rule of documents whose version is drawn; else it is the version column's name."""
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A pipeline by name: one that was deleted and made again is the same."""

    installation: str
    namespace: str
    pipeline: str

    @classmethod
    def of(cls, spec: RunSpec) -> Self:
        """The run's pipeline."""
        return cls(installation=spec.installation, namespace=spec.namespace, pipeline=spec.pipeline_name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What the documents of an index with a version column were read from.

    One that is not newer there than it is here is not written: read from elsewhere, it would stay as it is.
    """

    source: str
    """The EtlSource; empty: the default one."""
    place: str
    """That of the `Shape`."""
    query: str
    """Its digest, with the values of its parameters; empty: of several queries."""

    @classmethod
    def of(cls, spec: RunSpec, place: str) -> Self:
        """That of a run."""
        query = digest_of({"query": spec.query, "soft_delete_column": spec.soft_delete_column})
        return cls(source=spec.source, place=place, query=query)

    @classmethod
    def of_json(cls, data: Mapping[str, Any]) -> Self:
        """What an index says, perhaps in words of a later version: unknown fields are left out."""
        return cls(**{field.name: data[field.name] for field in dataclasses.fields(cls)})

    def added_to(self, before: "Origin | None") -> "Origin":
        """That of an index with documents of both; `before`: None when it is not known."""
        is_alike = before is None or before.query == self.query
        return self if is_alike else dataclasses.replace(self, query="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """Who writes an index, and how."""

    owner: Owner
    key: tuple[str, ...]
    """The columns that make a document's id."""
    version_rule: str
    mapping: str
    """The digest of the mapping that it was made with, or that was added since; empty when it was not made by us."""
    run_id: str
    """The run that made it, or the last one that went on with it before it was shown."""
    is_ours: bool
    """Made by us; else it was there, and is only written."""
    is_building: bool
    """No reader has seen it yet; may still stand there after a crash, when the alias shows it already."""
    settings: Mapping[str, str | None] | None = None
    """What has to be set back after the load; None when nothing was changed, or all is set back."""
    origin: Origin | None = None
    """None where versions are drawn, for then all that is read is written; and in one that an older version made, which
    could read the default source only."""

    def with_(self, **changes: Any) -> Self:
        """A copy."""
        return dataclasses.replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        """As it stands in `_meta.headrace`."""
        return {"format": _VERSION, **dataclasses.asdict(self), "key": list(self.key)}

    @classmethod
    def of(cls, mapping: Mapping[str, Any]) -> Self | None:
        """What a mapping says; None when nothing of ours is in it, or what a later version wrote."""
        data = (mapping.get("_meta") or {}).get("headrace")
        if not isinstance(data, Mapping) or data.get("format") != _VERSION:
            return None
        values = {field.name: data[field.name] for field in dataclasses.fields(cls) if field.name != "origin"}
        origin = Origin.of_json(data["origin"]) if data.get("origin") else None
        return cls(**{**values, "owner": Owner(**data["owner"]), "key": tuple(data["key"]), "origin": origin})


def digest_of(mapping: Mapping[str, Any]) -> str:
    """Equal for equal mappings, whatever the order of their names."""
    text = json.dumps(mapping, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
