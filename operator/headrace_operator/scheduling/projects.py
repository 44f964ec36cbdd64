"""Projects: how many pipelines name one, and whether its name is its own."""

from collections.abc import Callable
from datetime import UTC, datetime

from pydantic import ValidationError

from headrace import names
from headrace.lifecycle.faults import in_words
from headrace.manifests import Manifest
from headrace.model.conditions import ConditionType, Reason, condition, merge
from headrace.model.project import ProjectSpec, ProjectStatus
from headrace.model.times import to_text
from headrace_operator.index import Index
from headrace_operator.writes.keeping import Keeper


class Projects:
    """Looks at projects."""

    def __init__(
        self, keeper: Keeper, index: Index, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._keeper, self._index, self._clock = keeper, index, clock

    async def look(self, name: str) -> float | None:
        """Writes what is so now."""
        seen = self._index.named(names.PROJECT_PLURAL, name)
        project = await self._keeper.read_again(names.PROJECT_PLURAL, seen) if seen else None
        if project is not None and "deletionTimestamp" not in project["metadata"]:
            status = project_status(
                project,
                pipelines=len(self._index.find(names.PIPELINE_PLURAL, "spec.project", name)),
                older=self._index.older_namesake(project, names.PROJECT_PLURAL),
                now=self._clock(),
            )
            await self._keeper.save(names.PROJECT_PLURAL, project, status)
        return None

    def is_settled(self, project: Manifest) -> bool:
        """Whether its status, as it was listed, says what is so now."""
        metadata, status = project["metadata"], project.get("status") or {}
        conditions = status.get("conditions") or []
        is_duplicate = any(c.get("reason") == Reason.DUPLICATE_NAME for c in conditions)
        pipelines = self._index.find(names.PIPELINE_PLURAL, "spec.project", metadata["name"])
        return (
            status.get("observedGeneration") == metadata.get("generation")
            and status.get("pipelines") == len(pipelines)
            and is_duplicate == (self._index.older_namesake(project, names.PROJECT_PLURAL) is not None)
        )


def project_status(project: Manifest, *, pipelines: int, older: str | None, now: datetime) -> ProjectStatus:
    """What is to be written; `older` is the `metadata.name` of an older project with the same spec.name."""
    generation = project["metadata"].get("generation")
    reason, message = Reason.VALID, ""
    try:
        ProjectSpec.model_validate(project.get("spec") or {})
    except ValidationError as error:
        reason, message = Reason.INVALID_SPEC, in_words(error)
    if reason == Reason.VALID and older is not None:
        reason, message = Reason.DUPLICATE_NAME, f"the older project {older} has the same spec.name; names are unique"
    ready = condition(
        ConditionType.READY, reason == Reason.VALID, reason, message, now=to_text(now), generation=generation
    )
    before = ProjectStatus.model_validate(project.get("status") or {})
    return ProjectStatus(
        observed_generation=generation, pipelines=pipelines, conditions=merge(before.conditions, [ready])
    )
