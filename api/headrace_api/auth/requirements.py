"""What a caller needs for each route: one row each, by the route's name. What has no row is open to nobody."""

from collections.abc import Mapping
from dataclasses import dataclass

from headrace_api.auth.rights import (
    BACKFILLS,
    CREATE,
    DELETE,
    DESTINATIONS,
    GET,
    LIST,
    PATCH,
    PIPELINES,
    PROJECTS,
    RUNS,
    SCHEDULES,
    SOURCES,
    UPDATE,
    Right,
)

HEALTH, DOCS, METRICS = "health", "docs", "metrics"
OPENABLE = (HEALTH, DOCS, METRICS)
"""What an installation may leave open to those without a token."""
PROBES = "probes"
"""Always open: a kubelet has no token. Never limited either."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """All of these rights, on the resource that the path names; without any, only to be somebody."""

    rights: tuple[Right, ...] = ()
    part: str | None = None
    """What it belongs to that may be open."""


def _rights(*rights: tuple[str, str]) -> Requirement:
    return Requirement(tuple(Right(verb, plural) for verb, plural in rights))


def _part(part: str) -> Requirement:
    return Requirement(part=part)


# An answer with the pipeline in it needs the right to read it: kubectl shows nothing of it to one who makes a run.
_RUN = _rights((CREATE, RUNS), (GET, PIPELINES))

REQUIREMENTS: Mapping[str, Requirement] = {
    "list_pipelines": _rights((LIST, PIPELINES)),
    "create_pipeline": _rights((CREATE, PIPELINES)),  # Also to get the source and destination that the body names.
    "get_pipeline": _rights((GET, PIPELINES)),
    "update_pipeline": _rights((PATCH, PIPELINES)),
    "replace_pipeline": _rights((UPDATE, PIPELINES)),
    "delete_pipeline": _rights((DELETE, PIPELINES)),
    "run_pipeline": _RUN,
    "rebuild_pipeline": _RUN,
    "replay_dead_letters": _RUN,
    "pause_pipeline": _rights((PATCH, PIPELINES)),
    "get_pipeline_status": _rights((GET, PIPELINES)),
    "get_pipeline_state": _rights((GET, PIPELINES)),
    "list_dead_letters": _rights((GET, PIPELINES)),
    "list_pipeline_runs": _rights((LIST, RUNS)),
    "get_pipeline_run": _rights((GET, RUNS)),
    "reconcile_pipeline": _rights((CREATE, RUNS), (GET, RUNS)),
    "create_run": _RUN,  # It says which parameters the pipeline's query has.
    "list_runs": _rights((LIST, RUNS)),
    "get_run": _rights((GET, RUNS)),
    "start_run": _rights((PATCH, RUNS)),
    "cancel_run": _rights((PATCH, RUNS)),
    "list_run_tasks": _rights((GET, RUNS)),
    "list_run_logs": _rights((GET, RUNS)),
    "run_stream": _RUN,
    "get_stream_status": _rights((LIST, RUNS)),
    "stop_stream": _rights((PATCH, RUNS)),
    "get_statistics": _rights((LIST, RUNS), (LIST, PIPELINES)),
    # An answer with a project in it names its pipelines.
    "list_projects": _rights((LIST, PROJECTS), (LIST, PIPELINES)),
    "create_project": _rights((CREATE, PROJECTS), (LIST, PIPELINES)),
    "get_project": _rights((GET, PROJECTS), (LIST, PIPELINES)),
    "update_project": _rights((PATCH, PROJECTS), (LIST, PIPELINES)),
    "delete_project": _rights((DELETE, PROJECTS), (LIST, PIPELINES)),
    "get_project_statistics": _rights((GET, PROJECTS), (LIST, PIPELINES), (LIST, RUNS)),
    "list_schedules": _rights((LIST, SCHEDULES)),
    "create_schedule": _rights((CREATE, SCHEDULES), (GET, PIPELINES)),
    "get_schedule": _rights((GET, SCHEDULES)),
    "replace_schedule": _rights((UPDATE, SCHEDULES), (GET, PIPELINES)),
    "delete_schedule": _rights((DELETE, SCHEDULES)),
    "enable_schedule": _rights((PATCH, SCHEDULES)),
    "disable_schedule": _rights((PATCH, SCHEDULES)),
    "backfill_schedule": _rights((CREATE, RUNS), (GET, SCHEDULES)),  # A range: also to create etlbackfills.
    "list_backfills": _rights((LIST, BACKFILLS)),
    "get_backfill": _rights((GET, BACKFILLS)),
    "update_backfill": _rights((PATCH, BACKFILLS)),
    "list_sources": _rights((LIST, SOURCES)),
    "create_source": _rights((CREATE, SOURCES)),
    "get_source": _rights((GET, SOURCES)),
    "replace_source": _rights((UPDATE, SOURCES)),
    "delete_source": _rights((DELETE, SOURCES), (LIST, PIPELINES)),  # It names those that use it.
    "list_source_tables": _rights((GET, SOURCES), (CREATE, RUNS)),
    "preview_pipeline": _rights((CREATE, RUNS)),  # Also to get the source, and the destination of a target.
    "list_wal": _rights((LIST, SOURCES)),
    "list_destinations": _rights((LIST, DESTINATIONS)),
    "create_destination": _rights((CREATE, DESTINATIONS)),
    "get_destination": _rights((GET, DESTINATIONS)),
    "replace_destination": _rights((UPDATE, DESTINATIONS)),
    "delete_destination": _rights((DELETE, DESTINATIONS), (LIST, PIPELINES)),
    "get_info": Requirement(),
    "get_health": _part(HEALTH),
    "get_metrics": _part(METRICS),
    "get_docs": _part(DOCS),
    "get_redoc": _part(DOCS),
    "openapi": _part(DOCS),
    "get_livez": _part(PROBES),
    "get_readyz": _part(PROBES),
}
