"""What sources and destinations do not have in common."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from headrace import names
from headrace.cluster import Manifest
from headrace.model.connection import ConnectionSpec
from headrace_api.translate import connections as translate


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionKind:
    """One of the two kinds."""

    kind: str
    noun: str
    """Also the field of a pipeline that names one."""
    defaults: tuple[str, ...]
    """`metadata.name` of those that pipelines use without naming them."""
    spec_of: Callable[[Mapping[str, Any]], ConnectionSpec]
    shown: Callable[[Manifest, int], dict[str, Any]]
    used_by: Callable[[Manifest], str]
    """`metadata.name` of the one that a pipeline uses."""


SOURCES = ConnectionKind(
    kind=names.SOURCE_KIND,
    noun="source",
    defaults=(names.DEFAULT_SOURCE,),
    spec_of=translate.source_spec,
    shown=translate.show_source,
    used_by=translate.source_name,
)
DESTINATIONS = ConnectionKind(
    kind=names.DESTINATION_KIND,
    noun="destination",
    defaults=(names.DEFAULT_DESTINATION, names.DEFAULT_SEARCH),
    spec_of=translate.destination_spec,
    shown=translate.show_destination,
    used_by=translate.destination_name,
)
