"""The EtlRun for a due time, the same whoever makes it: the operator when it is due or backfilled, the API by count."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headrace import names
from headrace.lifecycle.labels import labels_of_run
from headrace.manifests import Manifest, labels, owner
from headrace.model.times import due_text, to_text


@dataclass(frozen=True, slots=True)
class DueTime:
    """A due time and its interval; all with a zone, in whole seconds."""

    due_at: datetime
    interval_start: datetime
    """The due time before it."""

    @property
    def interval_end(self) -> datetime:
        """Where the next one's begins: the due time itself."""
        return self.due_at

    @property
    def seconds(self) -> int:
        """As Unix seconds."""
        return int(self.due_at.timestamp())


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a due time is run, beyond its being due."""

    backfill: Mapping[str, Any]
    """The EtlBackfill's manifest."""
    retry: int = 0
    """Counts from 1: the due time's run failed before."""


def due_run(
    pipeline: Mapping[str, Any],
    schedule: Mapping[str, Any],
    due: DueTime,
    *,
    installation: str,
    now: datetime,
    cause: Cause | None = None,
) -> Manifest:
    """The manifest of the run for a due time, from the manifests of its pipeline and schedule.

    To create it is idempotent: where the name is taken the due time has its run.
    """
    metadata, spec = pipeline["metadata"], schedule.get("spec") or {}
    backfill = cause.backfill if cause else None
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.RUN_KIND,
        "metadata": {
            "name": run_name(schedule, due, cause),
            "labels": _labels(pipeline, schedule, backfill, installation),
            "annotations": {names.CREATED_AT_ANNOTATION: to_text(now)},
            "ownerReferences": [owner(names.PIPELINE_KIND, metadata["name"], metadata["uid"])],
        },
        "spec": {
            "pipeline": metadata["name"],
            "schedule": schedule["metadata"]["name"],
            "dueAt": due_text(due.due_at),
            "params": {**(spec.get("params") or {}), **interval_params(due)},
            "timeoutSeconds": int(spec.get("timeoutSeconds") or 3600),
        }
        | ({"backfill": backfill["metadata"]["name"]} if backfill else {}),
    }


def run_name(schedule: Mapping[str, Any], due: DueTime, cause: Cause | None = None) -> str:
    """The run's `metadata.name`; a backfill that runs again what has a run gives it one of its own."""
    is_again = cause is not None and bool((cause.backfill.get("spec") or {}).get("rerun"))
    root = cause.backfill if cause is not None and is_again else schedule
    return names.due_run_name(root["metadata"]["uid"], due.seconds, cause.retry if cause else 0)


def interval_params(due: DueTime) -> dict[str, str]:
    """What each run of a schedule can use in its query."""
    return {
        "interval_start": due_text(due.interval_start),
        "interval_end": due_text(due.interval_end),
        "due_at": due_text(due.due_at),
    }


def _labels(
    pipeline: Mapping[str, Any], schedule: Mapping[str, Any], backfill: Mapping[str, Any] | None, installation: str
) -> dict[str, str]:
    return labels(installation, pipeline["metadata"]["uid"]) | labels_of_run(
        project=(pipeline.get("spec") or {}).get("project"),
        schedule_uid=schedule["metadata"]["uid"],
        backfill_uid=backfill["metadata"]["uid"] if backfill else None,
    )
