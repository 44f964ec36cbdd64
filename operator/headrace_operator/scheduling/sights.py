"""Reads schedules, their pipelines and runs, as Kubernetes gives them, into what a plan is made from."""

from collections.abc import Iterable
from datetime import datetime

from pydantic import ValidationError

from headrace.lifecycle.faults import in_words
from headrace.lifecycle.readings import changed_at, created_at
from headrace.lifecycle.state import FINAL
from headrace.manifests import Manifest
from headrace.model.schedule import ScheduleSpec, ScheduleStatus
from headrace.model.times import from_text
from headrace.runspec import Mode
from headrace.schedules.observed import PipelineFacts, RunOfDue, ScheduleSeen


def read_schedule(
    manifest: Manifest, pipeline: Manifest | None, runs: Iterable[Manifest], *, now: datetime
) -> ScheduleSeen:
    """An EtlSchedule with its pipeline and its runs; a specification that can't be read leaves a problem instead."""
    metadata, parsed, problem = manifest["metadata"], None, ""
    try:
        parsed = ScheduleSpec.model_validate(manifest.get("spec") or {})
    except ValidationError as error:
        problem = in_words(error)
    return ScheduleSeen(
        now=now,
        uid=metadata["uid"],
        generation=metadata.get("generation", 1),
        created_at=created_at(manifest),
        changed_at=changed_at(manifest),
        spec=parsed,
        problem=problem,
        status=ScheduleStatus.model_validate(manifest.get("status") or {}),
        pipeline=_facts(pipeline),
        runs=tuple(_runs(runs)),
    )


def belongs(run: Manifest, label: str, to: Manifest) -> bool:
    """Whether a run that names it is of this one, and not of an earlier one of that name."""
    labels = run["metadata"].get("labels") or {}
    return bool(labels.get(label, to["metadata"]["uid"]) == to["metadata"]["uid"])


def is_over(run: Manifest) -> bool:
    """Whether it has ended, or never will: it is being deleted."""
    return (run.get("status") or {}).get("phase") in FINAL or "deletionTimestamp" in run["metadata"]


def _facts(pipeline: Manifest | None) -> PipelineFacts | None:
    """None for a pipeline that is not there, or will not be for long."""
    if pipeline is None or "deletionTimestamp" in pipeline["metadata"]:
        return None
    spec = pipeline.get("spec") or {}
    return PipelineFacts(
        suspended=bool(spec.get("suspend")),
        enabled=bool(spec.get("enabled", True)),
        streaming=spec.get("mode") == Mode.STREAMING,
    )


def _runs(runs: Iterable[Manifest]) -> Iterable[RunOfDue]:
    """A backfill by range has a measure of its own: of its runs it only counts that the due time has one."""
    for run in runs:
        due_at = from_text(run["spec"].get("dueAt"))
        if due_at is not None:
            yield RunOfDue(due_at=due_at, over="backfill" in run["spec"] or is_over(run))
