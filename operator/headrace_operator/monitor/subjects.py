"""What is looked at: sources and destinations, each a resource with a specification that may be invalid."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from headrace import names
from headrace.connections.problem import NoWayInError
from headrace.connections.resolve import check_options
from headrace.lifecycle.faults import in_words
from headrace.manifests import Manifest
from headrace.model.conditions import Reason
from headrace.model.destination import DestinationSpec, DestinationStatus
from headrace.model.source import SourceSpec, SourceStatus
from headrace_operator.index import Index

Spec = SourceSpec | DestinationSpec
EndStatus = SourceStatus | DestinationStatus


@dataclass(frozen=True, slots=True)
class Subject:
    """A kind of what is looked at."""

    plural: str
    kind: str
    spec: type[SourceSpec] | type[DestinationSpec]
    status: type[SourceStatus] | type[DestinationStatus]

    def read_spec(self, resource: Manifest, index: Index) -> Spec:
        """Raises NoWayInError for a specification that breaks a rule; kubectl lets some in."""
        try:
            spec = self.spec.model_validate(resource.get("spec") or {})
        except ValidationError as error:
            raise NoWayInError(Reason.INVALID_SPEC, in_words(error)) from None
        check_options(spec)
        older = index.older_namesake(resource, self.plural)
        if older is not None:
            raise NoWayInError(Reason.DUPLICATE_NAME, f"The older {self.kind} '{older}' has the same spec.name")
        return spec

    def read_status(self, resource: Manifest) -> EndStatus:
        """Its status as it was last written; an empty one for what can't be read."""
        try:
            return self.status.model_validate(resource.get("status") or {})
        except ValidationError:
            return self.status()

    def users(self, resource: Manifest, index: Index) -> int:
        """How many pipelines use it."""
        name = resource["metadata"]["name"]
        return len(index.readers(name) if self.plural == names.SOURCE_PLURAL else index.writers(name))


SUBJECTS: Mapping[str, Subject] = {
    names.SOURCE_PLURAL: Subject(names.SOURCE_PLURAL, names.SOURCE_KIND, SourceSpec, SourceStatus),
    names.DESTINATION_PLURAL: Subject(
        names.DESTINATION_PLURAL, names.DESTINATION_KIND, DestinationSpec, DestinationStatus
    ),
}
"""By plural."""
