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
        values = {field.name: data[field.name] for field in dataclasses.fields(cls)}
        return cls(**{**values, "owner": Owner(**data["owner"]), "key": tuple(data["key"])})


def digest_of(mapping: Mapping[str, Any]) -> str:
    """Equal for equal mappings, whatever the order of their names."""
    text = json.dumps(mapping, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
