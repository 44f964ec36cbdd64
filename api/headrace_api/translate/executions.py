"""EtlRuns and the store's rows about them, and the runs that the platform family shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace import names
from headrace.cluster import Manifest
from headrace.lifecycle import validity
from headrace.lifecycle.readings import read_pipeline
from headrace.lifecycle.state import FINAL, RunPhase
from headrace.lifecycle.tasks import counts, nodes_if_valid, tasks_of
from headrace.lifecycle.views import run_view
from headrace.model.run import RunTask
from headrace.runspec import RunKind
from headrace.store.records import RunRecord
from headrace_api import times
from headrace_api.translate.runs import show_record, show_resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """A run of a pipeline that is there. The resource decides, while there is one; without it the store does."""

    pipeline: Manifest
    project_id: str | None
    run: Manifest | None
    record: RunRecord | None
    """What the store has; one of both is there."""

    @property
    def id(self) -> str:
        """The run's id."""
        return str(self.run["metadata"]["uid"] if self.run else self._stored.run_id)

    @property
    def pipeline_id(self) -> str:
        """The pipeline's id."""
        return str(self.pipeline["metadata"]["uid"])

    @property
    def phase(self) -> RunPhase:
        """The run's state."""
        if self.run is None:
            return RunPhase(self._stored.status)
        return RunPhase(self._status.get("phase") or RunPhase.PENDING)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.phase in FINAL

    @property
    def is_stream(self) -> bool:
        """Whether it goes on, or went on, until it was stopped."""
        if self.record is not None and self.record.is_stream:
            return True
        return self.run is not None and is_stream(self.pipeline, self.run)

    @property
    def figures(self) -> dict[str, Any]:
        """What both families show of it, flat."""
        return show_resource(self.run, self.pipeline_id, self.record) if self.run else show_record(self._stored)

    def shown(self) -> dict[str, Any]:
        """The run as the platform family shows it."""
        figures = self.figures
        tasks = counts(self.tasks())
        progress = {"total_tasks": tasks.total, "completed_tasks": tasks.completed, "failed_tasks": tasks.failed}
        progress |= {name: figures[name] for name in ("rows_read", "rows_written")}
        return {
            "id": figures["id"],
            "project_id": self.project_id,
            "pipeline_id": figures["pipeline_id"],
            "kind": figures["kind"],
            "state": figures["status"],
            **self._asked(),
            **{name: figures[name] for name in ("created_at", "started_at", "finished_at")},
            "progress": progress,
            "error_message": figures["error_message"],
            **self._cause(),
        }

    def tasks(self) -> list[RunTask]:
        """Its tasks, as far as anything is known of them: the store hears of them first, the resource remembers."""
        noted = [RunTask.model_validate(task) for task in self._status.get("tasks") or ()]
        measured = self.record.stages if self.record else {}
        return noted if noted and not measured else tasks_of(self._nodes(noted), self.phase, measured)

    def _nodes(self, noted: Sequence[RunTask]) -> Sequence[Sequence[str]]:
        """Those of the run; before it has any, those that its pipeline has now; none of what moves no rows."""
        if self.figures["kind"] == RunKind.RECONCILE:
            return ()
        if self.record is not None and self.record.nodes:
            return self.record.nodes
        return [(task.name, task.stage) for task in noted] or nodes_if_valid(read_pipeline(self.pipeline).spec)

    @property
    def _stored(self) -> RunRecord:
        assert self.record is not None
        return self.record

    @property
    def _spec(self) -> Mapping[str, Any]:
        return self.run["spec"] if self.run else {}

    @property
    def _status(self) -> Mapping[str, Any]:
        return (self.run.get("status") or {}) if self.run else {}

    def _asked(self) -> dict[str, Any]:
        if self.run is not None:
            return {"params": self._spec.get("params") or {}, "tags": self._spec.get("tags") or []}
        return {"params": self._stored.params or {}, "tags": self._stored.tags or []}

    def _cause(self) -> dict[str, Any]:
        if self.run is None:
            due = self._stored.due_at
            return {
                "cancel_reason": self._stored.cancel_reason,
                "schedule_id": self._stored.schedule_uid,
                "due_at": times.show(due) if due else None,
                "timeout_seconds": None,
            }
        due = times.parse(self._spec.get("dueAt"))
        return {
            "cancel_reason": self._spec.get("cancelReason"),
            "schedule_id": (self.run["metadata"].get("labels") or {}).get(names.SCHEDULE_LABEL),
            "due_at": times.show(due) if due else None,
            "timeout_seconds": self._spec.get("timeoutSeconds"),
        }


def is_stream(pipeline: Manifest, run: Manifest) -> bool:
    """Whether a run goes on until it is stopped: the operator says so once it has begun."""
    status = run.get("status") or {}
    if status.get("stream") or status.get("startedAt") or run_view(run).is_final:
        return bool(status.get("stream"))
    spec, asked = read_pipeline(pipeline).spec, run["spec"]
    kind = RunKind(asked.get("kind") or RunKind.LOAD)
    return spec is not None and validity.is_stream(spec, kind, bool(asked.get("stream")))


def show_task(task: RunTask) -> dict[str, Any]:
    """One task."""
    shown = task.model_dump(exclude={"stage"})
    for name in ("started_at", "finished_at"):
        moment = times.parse(shown[name])
        shown[name] = times.show(moment) if moment else None
    return shown
