"""Rights, in the terms of Kubernetes' RBAC."""

from dataclasses import dataclass

from headrace.names import (
    BACKFILL_PLURAL,
    DESTINATION_PLURAL,
    GROUP,
    PIPELINE_PLURAL,
    PROJECT_PLURAL,
    RUN_PLURAL,
    SCHEDULE_PLURAL,
    SOURCE_PLURAL,
    VERSION,
)

GET, LIST, CREATE, UPDATE, PATCH, DELETE = "get", "list", "create", "update", "patch", "delete"
PIPELINES, RUNS = PIPELINE_PLURAL, RUN_PLURAL
PROJECTS, SCHEDULES, BACKFILLS = PROJECT_PLURAL, SCHEDULE_PLURAL, BACKFILL_PLURAL
SOURCES, DESTINATIONS = SOURCE_PLURAL, DESTINATION_PLURAL


@dataclass(frozen=True, slots=True)
class Right:
    """To do something to one of our resources, or to those of its kind."""

    verb: str
    plural: str
    name: str | None = None
    """The `metadata.name`; None: of no resource in particular, as for lists and what is still to be made."""

    def __str__(self) -> str:
        # Without the name: it would tell a caller who may not know that there is such a resource.
        return f"{self.verb} {self.plural}.{GROUP}"

    def attributes(self) -> dict[str, str]:
        """The right as an access review names it."""
        named = {} if self.name is None else {"name": self.name}
        return {"verb": self.verb, "group": GROUP, "version": VERSION, "resource": self.plural, **named}
