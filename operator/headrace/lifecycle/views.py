"""Reads resources, as the Kubernetes API gives them, into the views that the state is computed from."""

from collections.abc import Sequence

from headrace.lifecycle.readings import created_at
from headrace.lifecycle.state import Phase, PipelineView, RunPhase, RunView, pipeline_phase
from headrace.manifests import Manifest
from headrace.model.times import to_text


def run_view(run: Manifest) -> RunView:
    """What the state depends on of an EtlRun."""
    spec, status = run.get("spec", {}), run.get("status", {})
    job = status.get("job") or {}
    return RunView(
        uid=run["metadata"]["uid"],
        name=run["metadata"]["name"],
        kind=spec.get("kind", "Load"),
        created_at=to_text(created_at(run)),
        suspend=bool(spec.get("suspend")),
        cancel=bool(spec.get("cancel")),
        phase=RunPhase(status.get("phase") or RunPhase.PENDING),
        at_work=bool(job.get("active")),
        started=bool(status.get("startedAt")),
    )


def pipeline_view(pipeline: Manifest) -> PipelineView:
    """What the state depends on of an EtlPipeline."""
    spec, status = pipeline.get("spec", {}), pipeline.get("status", {})
    last = (status.get("lastRun") or {}).get("phase")
    return PipelineView(
        suspend=bool(spec.get("suspend")),
        enabled=bool(spec.get("enabled", True)),
        last_run_phase=RunPhase(last) if last else None,
    )


def phase_of(pipeline: Manifest, runs: Sequence[Manifest]) -> Phase:
    """The state of a pipeline, from its resource and those of its runs.

    A run that ended but is not yet in the pipeline's status counts as its last run; not one that named it before it
    was there.
    """
    views = [run_view(run) for run in runs]
    view = pipeline_view(pipeline)
    known = (pipeline.get("status", {}).get("lastRun") or {}).get("finishedAt") or ""
    # Only our own times have a fraction.
    since = max(known, (pipeline["metadata"].get("creationTimestamp") or "").removesuffix("Z"))
    ended = [(_finished_at(run), v) for run, v in zip(runs, views, strict=True) if v.is_final and v.writes]
    latest = max(ended, key=lambda pair: pair[0], default=("", None))
    if latest[1] is not None and latest[0] >= since:
        view = PipelineView(suspend=view.suspend, enabled=view.enabled, last_run_phase=latest[1].phase)
    return pipeline_phase(view, views)


def _finished_at(run: Manifest) -> str:
    return (run.get("status") or {}).get("finishedAt") or ""
