"""Runs that go on until they are stopped, as callers see them."""

from datetime import datetime
from typing import Any

from headrace_api import times
from headrace_api.translate.executions import Execution


def show_execution(stream: Execution, prefix: str) -> dict[str, Any]:
    """The stream as it is told to whoever asked for something; `prefix` is that of all paths."""
    return {
        "execution_id": stream.id,
        "state": stream.phase.value,
        "status_url": f"{prefix}/stream/status?execution_id={stream.id}",
    }


def show_stream(stream: Execution, prefix: str, lag: float | None) -> dict[str, Any]:
    """The stream, and how far it is behind, in seconds."""
    figures = stream.figures
    return {
        **show_execution(stream, prefix),
        "pipeline_id": stream.pipeline_id,
        **{name: figures[name] for name in ("started_at", "finished_at", "rows_read", "rows_written")},
        "lag_seconds": lag,
        "error_message": figures["error_message"],
    }


def lag_seconds(now: datetime, caught_up_at: datetime | None) -> float | None:
    """How long ago everything that was committed was brought; never negative."""
    return None if caught_up_at is None else round(max(0.0, (now - caught_up_at).total_seconds()), 3)


def caught_up_at(stream: Execution) -> datetime | None:
    """When a stream had last caught up, as far as is known without asking again."""
    if stream.record is not None and stream.record.caught_up_at is not None:
        return stream.record.caught_up_at
    status = (stream.run.get("status") or {}) if stream.run else {}
    return times.parse((status.get("progress") or {}).get("caughtUpAt"))
