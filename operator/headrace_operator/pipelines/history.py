"""Runs as the store's history keeps them."""

from typing import Any

from headrace import names
from headrace.lifecycle.actions import RecordRun
from headrace.lifecycle.observed import PipelineSeen, RunSeen
from headrace.lifecycle.tasks import nodes_if_valid
from headrace.model.times import from_text
from headrace.store.ids import as_uuid
from headrace.store.records import RunRecord
from headrace_operator.settings import Settings


def run_record(step: RecordRun, pipeline: PipelineSeen, run: RunSeen, settings: Settings) -> RunRecord:
    """The record that a step asks for; what it leaves out stays as it was first written."""
    status, spec = step.status, run.spec
    return RunRecord(
        run_id=step.uid,
        installation=settings.installation,
        namespace=settings.namespace,
        pipeline_uid=pipeline.uid,
        pipeline_name=pipeline.name,
        run_name=step.run,
        kind=step.kind,
        status=status.phase or "PENDING",
        attempt=status.job.attempt if status.job else 0,
        epoch=status.job.epoch if status.job else None,
        created_at=step.created_at,
        started_at=from_text(status.started_at),
        finished_at=from_text(status.finished_at),
        error_message=status.error_message,
        params=spec.params,
        tags=spec.tags,
        cancel_reason=spec.cancel_reason if spec.cancel else None,
        schedule=spec.schedule,
        schedule_uid=_uid(run.labels.get(names.SCHEDULE_LABEL)),
        due_at=from_text(spec.due_at),
        backfill=spec.backfill,
        backfill_uid=_uid(run.labels.get(names.BACKFILL_LABEL)),
        is_stream=status.stream,
        **_as_it_was(step, pipeline, run),
    )


def _as_it_was(step: RecordRun, pipeline: PipelineSeen, run: RunSeen) -> dict[str, Any]:
    """What the pipeline was when the run was asked for, or began: an edit while it goes on is none of its."""
    project = run.labels.get(names.PROJECT_LABEL)
    if step.spec is None and step.status.job is not None:
        return {"project": project}
    spec = pipeline.spec
    return {
        "project": project or (spec.project if spec else None),
        "pipeline_shown": spec.name if spec else None,
        "nodes": [list(node) for node in nodes_if_valid(spec)] if run.writes else None,
    }


def _uid(label: str | None) -> str | None:
    """Anybody may write a label: one that is no uid would fail the whole record."""
    uid = as_uuid(label or "")
    return str(uid) if uid else None
