"""Reads manifests, as the Kubernetes API gives them, into what a plan is made from."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from headrace import names
from headrace.lifecycle.faults import in_words
from headrace.lifecycle.observed import JobSeen, PipelineSeen, PodSeen, RunSeen
from headrace.manifests import Manifest
from headrace.model.pipeline import PipelineSpec, PipelineStatus
from headrace.model.run import RunSpec, RunStatus
from headrace.model.times import from_text

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def read_pipeline(manifest: Manifest) -> PipelineSeen:
    """An EtlPipeline; a specification that can't be read leaves a problem instead."""
    metadata, spec = manifest["metadata"], manifest.get("spec") or {}
    annotations = metadata.get("annotations") or {}
    parsed, problem = None, ""
    try:
        parsed = PipelineSpec.model_validate(spec)
    except ValidationError as error:
        problem = in_words(error)
    return PipelineSeen(
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata.get("generation", 1),
        created_at=created_at(manifest),
        deleting="deletionTimestamp" in metadata,
        spec=parsed,
        problem=problem,
        suspend=bool(spec.get("suspend")),
        enabled=bool(spec.get("enabled", True)),
        updated_at=from_text(annotations.get(names.UPDATED_AT_ANNOTATION)),
        state_changed_at=from_text(annotations.get(names.STATE_CHANGED_AT_ANNOTATION)),
        status=PipelineStatus.model_validate(manifest.get("status") or {}),
    )


def read_run(manifest: Manifest) -> RunSeen:
    """An EtlRun; a field that can't be read, such as parameters that are too large, leaves a problem instead."""
    metadata = manifest["metadata"]
    spec, problem = _run_spec(manifest["spec"])
    labels = metadata.get("labels") or {}
    return RunSeen(
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata.get("generation", 1),
        created_at=created_at(manifest),
        deleting="deletionTimestamp" in metadata,
        owned=owner_uid(manifest) is not None and names.PIPELINE_LABEL in labels,
        labels=labels,
        spec=spec,
        problem=problem,
        status=RunStatus.model_validate(manifest.get("status") or {}),
    )


def _run_spec(spec: Manifest) -> tuple[RunSpec, str]:
    try:
        return RunSpec.model_validate(spec), ""
    except ValidationError as error:
        faulty = {part["loc"][0] for part in error.errors(include_input=False, include_url=False) if part["loc"]}
        return RunSpec.model_validate({k: v for k, v in spec.items() if k not in faulty}), in_words(error)


def created_at(manifest: Manifest) -> datetime:
    """When a resource was made: Kubernetes' time, with the fraction of a second that the API noted."""
    metadata = manifest["metadata"]
    creation = from_text(metadata.get("creationTimestamp")) or _BEGINNING
    noted = from_text((metadata.get("annotations") or {}).get(names.CREATED_AT_ANNOTATION))
    # A copied manifest brings the annotation of its original along.
    return noted if noted and abs(noted - creation) <= timedelta(seconds=1) else creation


def changed_at(manifest: Manifest) -> datetime:
    """When a specification last changed, to the second: whoever wrote to it is noted with the time."""
    entries = manifest["metadata"].get("managedFields") or []
    written = (from_text(e.get("time")) for e in entries if "f:spec" in (e.get("fieldsV1") or {}))
    made = created_at(manifest)
    # The time of whoever made it has no fraction, and would lie before the creation.
    return max((moment for moment in written if moment is not None and moment > made), default=made)


def owner_uid(manifest: Manifest) -> str | None:
    """The uid of the pipeline that owns a run; one made by hand has none at first."""
    owners = manifest["metadata"].get("ownerReferences") or []
    return next((str(owner["uid"]) for owner in owners if owner.get("kind") == names.PIPELINE_KIND), None)


def read_job(manifest: Manifest) -> JobSeen:
    """A Job of ours."""
    metadata, spec, status = manifest["metadata"], manifest.get("spec") or {}, manifest.get("status") or {}
    labels = metadata.get("labels") or {}
    true = {c["type"]: c for c in status.get("conditions") or [] if c.get("status") == "True"}
    failed = true.get("Failed") or true.get("FailureTarget")
    return JobSeen(
        name=metadata["name"],
        run_uid=labels.get(names.RUN_LABEL, ""),
        attempt=int(labels.get(names.ATTEMPT_LABEL, "0")),
        suspend=bool(spec.get("suspend")),
        suspended="Suspended" in true,
        active=status.get("active", 0),
        terminating=status.get("terminating", 0),
        ready=status.get("ready", 0),
        complete="Complete" in true,
        failed=failed.get("reason", "Failed") if failed else None,
        failure_message=failed.get("message", "") if failed else "",
        finished="Complete" in true or "Failed" in true,
        deleting="deletionTimestamp" in metadata,
        ttl=spec.get("ttlSecondsAfterFinished"),
    )


def read_pods(pods: Sequence[Manifest], failures: Sequence[Manifest]) -> PodSeen:
    """The newest of a Job's pods; without any the newest Event that says why none could be made."""
    if not pods:
        newest = max(failures, key=lambda e: e.get("lastTimestamp") or e.get("eventTime") or "", default=None)
        return PodSeen(reason=str(newest.get("message", "")) if newest else "")
    pod = max(pods, key=lambda p: (p["metadata"].get("creationTimestamp", ""), p["metadata"]["name"]))
    status = pod.get("status") or {}
    container: Manifest = next(iter(status.get("containerStatuses") or []), {})
    state = container.get("state") or {}
    ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated") or {}
    said = _last_word(ended.get("message") or "")
    return PodSeen(
        exists=True,
        deleting="deletionTimestamp" in pod["metadata"],
        started_at=from_text((state.get("running") or {}).get("startedAt")),
        reason=_why_not(status, state, ended),
        exit_code=ended.get("exitCode"),
        outcome=said.get("outcome"),
        message=str(said.get("message") or ""),
        rows_read=int(said.get("rows_read") or 0),
        rows_written=int(said.get("rows_written") or 0),
        bad_rows=int(said.get("bad_rows") or 0),
        batches=int(said.get("batches") or 0),
    )


def _last_word(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except ValueError:
        return {"message": text.strip()[-2000:]} if text.strip() else {}
    return said if isinstance(said, dict) else {}


def _why_not(status: Manifest, state: Manifest, ended: Manifest) -> str:
    waiting = state.get("waiting") or {}
    if waiting.get("reason") and waiting["reason"] not in {"ContainerCreating", "PodInitializing"}:
        return _joined(waiting["reason"], waiting.get("message"))
    conditions = status.get("conditions") or []
    unscheduled = next((c for c in conditions if c["type"] == "PodScheduled" and c.get("status") == "False"), None)
    if unscheduled:
        return _joined(unscheduled.get("reason"), unscheduled.get("message"))
    if status.get("reason"):
        return _joined(status["reason"], status.get("message"))
    return str(ended.get("reason") or "") if ended.get("reason") not in {None, "Completed", "Error"} else ""


def _joined(*parts: object) -> str:
    return ": ".join(str(part) for part in parts if part)
