"""EtlRuns and the store's rows about them, and the runs that callers see."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from headrace import names
from headrace.cluster import Manifest
from headrace.lifecycle.labels import labels_of_run
from headrace.lifecycle.readings import created_at, owner_uid
from headrace.lifecycle.state import RunPhase
from headrace.lifecycle.views import run_view
from headrace.manifests import labels, owner
from headrace.model.run import ReconcileResult
from headrace.runspec import RunKind
from headrace.store.records import RunRecord
from headrace_api import times


def runs_of(pipeline: Manifest, runs: Iterable[Manifest]) -> list[Manifest]:
    """The runs that are this pipeline's, of those that name it: not those of a namesake that was deleted."""
    uid = pipeline["metadata"]["uid"]
    return [
        run
        for run in runs
        if run["spec"].get("pipeline") == pipeline["metadata"]["name"] and owner_uid(run) in (None, uid)
    ]


def that_write(runs: Iterable[Manifest]) -> list[Manifest]:
    """Without reconciles."""
    return [run for run in runs if run_view(run).writes]


def last_run_id(pipeline: Manifest, runs: Sequence[Manifest]) -> str | None:
    """The run that was asked for last, but for those that wait to be started."""
    views = [view for view in map(run_view, that_write(runs)) if not view.waits_for_start]
    if views:
        return max(views, key=lambda view: view.order).uid
    uid = ((pipeline.get("status") or {}).get("lastRun") or {}).get("uid")
    return str(uid) if uid else None


def show_resource(run: Manifest, pipeline_id: str, record: RunRecord | None) -> dict[str, Any]:
    """A run whose resource is there: that decides; the store's counts may be ahead of it, as both only grow."""
    status = run.get("status") or {}
    phase = RunPhase(status.get("phase") or RunPhase.PENDING)
    progress = status.get("progress") or {}
    counts = {
        "rows_read": max(progress.get("rowsRead", 0), record.rows_read if record else 0),
        "rows_written": max(progress.get("rowsWritten", 0), record.rows_written if record else 0),
        "bad_rows": max(progress.get("badRows", 0), record.bad_rows if record else 0),
    }
    return {
        "id": run["metadata"]["uid"],
        "pipeline_id": pipeline_id,
        "kind": run["spec"].get("kind", RunKind.LOAD),
        "status": phase.value,
        "created_at": times.show(created_at(run)),
        "started_at": None if phase == RunPhase.PENDING else times.show_text(status.get("startedAt")),
        "finished_at": times.show_text(status.get("finishedAt")),
        **counts,
        "error_message": status.get("errorMessage") if phase == RunPhase.FAILED else None,
    }


def show_record(record: RunRecord) -> dict[str, Any]:
    """A run that only the store knows any more."""
    return {
        "id": record.run_id,
        "pipeline_id": record.pipeline_uid,
        "kind": record.kind,
        "status": record.status,
        "created_at": times.show(record.created_at),
        "started_at": times.show(record.started_at) if record.started_at and record.status != "PENDING" else None,
        "finished_at": times.show(record.finished_at) if record.finished_at else None,
        "rows_read": record.rows_read,
        "rows_written": record.rows_written,
        "bad_rows": record.bad_rows,
        "error_message": record.error_message if record.status == RunPhase.FAILED else None,
    }


def show_detail(run: Manifest | None, pipeline_id: str, record: RunRecord | None) -> dict[str, Any] | None:
    """One run with its result, of any kind; None when neither Kubernetes nor the store knows it."""
    if run is not None:
        result = show_result((run.get("status") or {}).get("result"), pipeline_id)
        return {**show_resource(run, pipeline_id, record), "result": result}
    if record is not None:
        return {**show_record(record), "result": show_result(record.result, pipeline_id)}
    return None


def show_result(result: Mapping[str, Any] | None, pipeline_id: str) -> dict[str, Any] | None:
    """What a reconcile found, from a resource (camelCase) or from the store (as the runner wrote it)."""
    found = {
        name: value for name, alias in _RESULT.items() if (value := _either(result or {}, name, alias)) is not None
    }
    if not found.keys() >= {"source_count", "target_count"}:
        return None
    return {"pipeline_id": pipeline_id, **ReconcileResult.of(found).model_dump(exclude_none=True)}


_RESULT = {name: str(info.alias) for name, info in ReconcileResult.model_fields.items()}


def _either(result: Mapping[str, Any], name: str, alias: str) -> Any:
    return result.get(alias, result.get(name))


def merge_page(
    window: Sequence[RunRecord], start: int, unknown: Sequence[Manifest], *, limit: int, offset: int
) -> list[RunRecord | Manifest]:
    """One page of the store's rows and of the resources that it lacks, newest first.

    `window` are the store's rows from `start` on, where `start` is `offset` less the number of unknown ones (at least
    0): so many of those may stand before the page, and `offset + limit - start` rows reach its end in any case.
    """
    keyed: list[tuple[tuple[str, str], RunRecord | Manifest]] = []
    keyed += [((times.sortable(r.created_at), r.run_id), r) for r in window]
    for run in unknown:
        keyed.append(((times.sortable(created_at(run)), run["metadata"]["uid"]), run))
    keyed.sort(key=lambda pair: pair[0], reverse=True)
    return [row for _, row in keyed[offset - start : offset - start + limit]]


def next_sequence(pipeline: Manifest, runs: Sequence[Manifest]) -> int:
    """One above the highest number that a run of this pipeline was named with."""
    uid = pipeline["metadata"]["uid"]
    last = ((pipeline.get("status") or {}).get("lastRun") or {}).get("sequence") or 0
    return 1 + max([int(last), *[names.run_sequence(uid, run["metadata"]["name"]) for run in runs]])


def run_manifest(pipeline: Manifest, name: str, spec: Mapping[str, Any], installation: str) -> Manifest:
    """An EtlRun that the pipeline owns."""
    metadata = pipeline["metadata"]
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.RUN_KIND,
        "metadata": {
            "name": name,
            "annotations": {names.CREATED_AT_ANNOTATION: times.now()},
            "labels": {
                **labels(installation, metadata["uid"]),
                **labels_of_run(tags=spec.get("tags"), project=(pipeline.get("spec") or {}).get("project")),
            },
            "ownerReferences": [owner(names.PIPELINE_KIND, metadata["name"], metadata["uid"])],
        },
        "spec": {"pipeline": metadata["name"], **spec},
    }
