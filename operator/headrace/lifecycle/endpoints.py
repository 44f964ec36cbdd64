"""The source and the destination of a pipeline, as they were last seen, and what is wrong with them for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import ValidationError

from headrace import names
from headrace.errors import InvalidError
from headrace.lifecycle.ends import check_ends
from headrace.lifecycle.faults import in_words
from headrace.lifecycle.problem import Problem
from headrace.manifests import Manifest
from headrace.model.conditions import Reason
from headrace.model.destination import DestinationSpec
from headrace.model.pipeline import PipelineSpec
from headrace.model.source import SourceSpec

EndKind = Literal["EtlSource", "EtlDestination"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSeen:
    """An EtlSource or EtlDestination."""

    name: str
    """metadata.name."""
    deleting: bool = False
    max_connections: int | None = None
    """Of a source."""
    problem: str = ""
    """Why its specification can't be read."""
    manifest: Manifest = field(default_factory=dict, repr=False)
    """Specification and status: no password is there."""

    @property
    def connections_for_runs(self) -> int | None:
        """So many runs may be at work there at once, previews among them: one connection is the operator's."""
        return None if self.max_connections is None else self.max_connections - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceUse:
    """Who has connections to a source, and who waits for one."""

    elsewhere: int = 0
    """So many have one, besides the runs of the pipeline that is looked at."""
    line: tuple[str, ...] = ()
    """Who waits, in the order in which they began to: runs by uid, those of the pipeline too."""


def read_source(manifest: Manifest) -> EndpointSeen:
    """An EtlSource; a specification that can't be read leaves a problem."""
    return _read(SourceSpec, manifest)


def read_destination(manifest: Manifest) -> EndpointSeen:
    """An EtlDestination; a specification that can't be read leaves a problem."""
    return _read(DestinationSpec, manifest)


def _read(model: type[SourceSpec | DestinationSpec], manifest: Manifest) -> EndpointSeen:
    metadata, problem, bound = manifest["metadata"], "", None
    try:
        bound = getattr(model.model_validate(manifest.get("spec") or {}), "max_connections", None)
    except ValidationError as error:
        problem = in_words(error)
    return EndpointSeen(
        name=metadata["name"],
        deleting="deletionTimestamp" in metadata,
        max_connections=bound,
        problem=problem,
        manifest={"spec": manifest.get("spec") or {}, "status": manifest.get("status") or {}},
    )


def problem_of_ends(
    spec: PipelineSpec, sources: Mapping[str, EndpointSeen], destinations: Mapping[str, EndpointSeen]
) -> Problem | None:
    """What keeps the pipeline from reading or writing; None where nothing is known to."""
    source, destination = sources.get(spec.source_name), destinations.get(spec.destination_name)
    problem = why_not("EtlSource", spec.source_name, source, of_default=_DEFAULTS[0] if not spec.source else "")
    if problem is None:
        text = _DEFAULTS[2 if spec.destination_name == names.DEFAULT_SEARCH else 1] if not spec.destination else ""
        problem = why_not("EtlDestination", spec.destination_name, destination, of_default=text)
    if problem is not None or source is None or destination is None:
        return problem
    try:
        check_ends(spec, source.manifest, destination.manifest)
    except InvalidError as error:
        reason = Reason.SAME_TABLE if error.field == "source_table" else Reason.INVALID_SPEC
        return Problem(reason, error.message)
    return None


_DEFAULTS = (
    "which pipelines without spec.source read from",
    "which pipelines without spec.destination write to",
    "which pipelines into an index without spec.destination write to",
)


def why_not(kind: EndKind, name: str, seen: EndpointSeen | None, *, of_default: str = "") -> Problem | None:
    """Why a run can't use it; `of_default`: who does, where nobody named it."""
    reason = Reason.SOURCE_MISSING if kind == names.SOURCE_KIND else Reason.DESTINATION_MISSING
    if seen is None:
        text = f"there is no {kind} '{name}'" + (f", {of_default}" if of_default else "")
        return Problem(reason, text, waits=True)
    if seen.deleting:
        return Problem(reason, f"the {kind} '{name}' is being deleted", waits=True)
    if seen.problem:
        return Problem(Reason.INVALID_SPEC, f"the {kind} '{name}' can't be used: {seen.problem}", waits=True)
    return None
