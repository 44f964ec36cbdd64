"""Who is to be looked at after a change: pure, from what was known before and after."""

from collections.abc import Iterator
from dataclasses import dataclass

from headrace import names
from headrace.lifecycle.state import FINAL
from headrace.manifests import Manifest
from headrace.model.conditions import ConditionType
from headrace.runspec import Mode
from headrace_operator.index import Index
from headrace_operator.queues.keys import LOOKED_AT, Looked, key


@dataclass(frozen=True, slots=True)
class Change:
    """A resource as the index had it before and has it now; None: it was, or is, not there."""

    plural: str
    before: Manifest | None
    after: Manifest | None

    @property
    def sides(self) -> Iterator[Manifest]:
        """Those that are not None."""
        return (side for side in (self.before, self.after) if side is not None)

    @property
    def comes_or_goes(self) -> bool:
        """Whether it was made, deleted, or is being deleted."""
        return _is_there(self.before) != _is_there(self.after)

    @property
    def is_another(self) -> bool:
        """Whether it asks for something else than before."""
        return self.comes_or_goes or _generation(self.before) != _generation(self.after)


def wakes(change: Change, index: Index) -> set[str]:
    """The keys of the schedules, backfills and projects that it may matter to."""
    match change.plural:
        case names.PIPELINE_PLURAL:
            return {*_of_pipeline(change, index)}
        case names.RUN_PLURAL:
            return {*_of_run(change)}
        case names.SOURCE_PLURAL | names.DESTINATION_PLURAL:
            return set()
    if not change.is_another:
        return set()  # Its status is the operator's own word.
    own = {key(LOOKED_AT[change.plural], side["metadata"]["name"]) for side in change.sides}
    return own | {*(_of_schedule if change.plural == names.SCHEDULE_PLURAL else _of_namesakes)(change, index)}


def pipelines_to_wake(change: Change, index: Index) -> set[str]:
    """The names of pipelines whose project came or went, or whose source or destination is another, or mended."""
    if change.plural in {names.SOURCE_PLURAL, names.DESTINATION_PLURAL}:
        return {*_of_end(change, index)}
    if change.plural != names.PROJECT_PLURAL or not change.comes_or_goes:
        return set()
    projects = {side["metadata"]["name"] for side in change.sides}
    return {
        str(pipeline["metadata"]["name"])
        for project in projects
        for pipeline in index.find(names.PIPELINE_PLURAL, "spec.project", project)
    }


def _of_end(change: Change, index: Index) -> Iterator[str]:
    """All who use it when it is another, or leads elsewhere, as is seen when the Secret with its address is read.

    Those who wait for something also when there is a way in, or another reason why there is none.
    """
    end = next(change.sides)["metadata"]["name"]
    used_by = index.readers if change.plural == names.SOURCE_PLURAL else index.writers
    pipelines = (str(pipeline["metadata"]["name"]) for pipeline in used_by(end))
    if change.is_another or _connection(change.before) != _connection(change.after):
        yield from pipelines
    elif _ready(change.before) != _ready(change.after):
        yield from (name for name in pipelines if any(map(_waits, index.find(names.RUN_PLURAL, "spec.pipeline", name))))
        began_with = "status.source" if change.plural == names.SOURCE_PLURAL else "status.destination"
        yield from (run["spec"]["pipeline"] for run in index.find(names.RUN_PLURAL, began_with, end) if _waits(run))


def _waits(run: Manifest) -> bool:
    """Whether a run of a pipeline is neither over nor at work."""
    has_pod = (run["status"].get("job") or {}).get("active")
    return bool(run["spec"].get("pipeline")) and not _is_over(run) and not has_pod


def _ready(resource: Manifest | None) -> list[tuple[object, object]]:
    conditions = resource["status"].get("conditions") or () if resource is not None else ()
    return [(c.get("status"), c.get("reason")) for c in conditions if c.get("type") == ConditionType.READY]


def _connection(resource: Manifest | None) -> object:
    return resource["status"].get("connection") if resource is not None else None


def _of_pipeline(change: Change, index: Index) -> Iterator[str]:
    before, after = _wanted(change.before), _wanted(change.after)
    if before != after:
        name = next(change.sides)["metadata"]["name"]
        for schedule in index.find(names.SCHEDULE_PLURAL, "spec.pipeline", name):
            yield key(Looked.SCHEDULE, schedule["metadata"]["name"])
    if change.comes_or_goes or _project(change.before) != _project(change.after):
        yield from (key(Looked.PROJECT, project) for side in change.sides if (project := _project(side)))


def _of_run(change: Change) -> Iterator[str]:
    """A backfill makes its runs itself: only their ends are news."""
    if not change.comes_or_goes and _is_over(change.before) == _is_over(change.after):
        return
    spec = next(change.sides)["spec"]
    if "schedule" in spec:
        yield key(Looked.SCHEDULE, spec["schedule"])
    if "backfill" in spec and change.before is not None:
        yield key(Looked.BACKFILL, spec["backfill"])


def _of_schedule(change: Change, index: Index) -> Iterator[str]:
    """Its backfills: they read its specification."""
    name = next(change.sides)["metadata"]["name"]
    for backfill in index.find(names.BACKFILL_PLURAL, "spec.schedule", name):
        yield key(Looked.BACKFILL, backfill["metadata"]["name"])


def _of_namesakes(change: Change, index: Index) -> Iterator[str]:
    """Projects of its present and former name."""
    if change.plural == names.PROJECT_PLURAL:
        for side in change.sides:
            yield from (key(Looked.PROJECT, name) for name in index.namesakes(side, names.PROJECT_PLURAL))


def _is_there(resource: Manifest | None) -> bool:
    return resource is not None and "deletionTimestamp" not in resource["metadata"]


def _wanted(pipeline: Manifest | None) -> tuple[object, ...] | None:
    """What of a pipeline decides whether its schedules may run it."""
    if pipeline is None or not _is_there(pipeline):
        return None
    spec = pipeline["spec"]
    is_on = bool(spec.get("enabled", True))
    return pipeline["metadata"]["uid"], bool(spec.get("suspend")), is_on, spec.get("mode") == Mode.STREAMING


def _project(pipeline: Manifest | None) -> str | None:
    return pipeline["spec"].get("project") if pipeline is not None else None


def _is_over(run: Manifest | None) -> bool:
    return run is not None and run["status"].get("phase") in FINAL


def _generation(resource: Manifest | None) -> object:
    return resource["metadata"].get("generation") if resource is not None else None
