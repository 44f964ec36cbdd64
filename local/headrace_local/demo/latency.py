"""How long it takes from asking for a run to its first batch, and from the Job's end to the final state."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import psycopg

from headrace_local.api import Api
from headrace_local.demo.jobwatch import JobWatch
from headrace_local.waiting import wait_for

TARGET_FIRST_BATCH, TARGET_FINAL_STATE = 3.0, 2.0


@dataclass(frozen=True, slots=True)
class Latency:
    """Of one run, in seconds."""

    first_batch: float
    """From sending POST …/run to the commit of the first batch, as a session on the target sees it."""
    final_state: float
    """From the Job's end, as a watch sees it, to the final state in GET …/status; 0 when the state was there before."""
    whole: float
    """From sending POST …/run to the final state."""


def measure(
    api: Api, jobs: JobWatch, pipeline_id: str, *, change: Callable[[], object], target_dsn: str, probe: str
) -> Latency:
    """Changes the source, asks for a run, and looks at target and status until both show its end.

    `probe` is a query on the target whose one value grows with the first batch.
    """
    with psycopg.connect(target_dsn, autocommit=True) as target:
        before = _value(target, probe)
        change()
        asked = time.monotonic()
        run_id = api.run(pipeline_id)["run_id"]
        wait_for("the first batch", lambda: _value(target, probe) != before, seconds=60, every=0.01)
        committed = time.monotonic()
    api.wait_for_status(pipeline_id, "IDLE", "FAILED", seconds=60)
    final = time.monotonic()
    ended = wait_for("the end of the run's Job", lambda: jobs.ended_at(run_id), seconds=30, every=0.01)
    return Latency(committed - asked, max(0.0, final - ended), final - asked)


def medians(latencies: list[Latency]) -> Latency:
    """The median of each."""
    return Latency(
        statistics.median(one.first_batch for one in latencies),
        statistics.median(one.final_state for one in latencies),
        statistics.median(one.whole for one in latencies),
    )


def _value(target: psycopg.Connection[tuple[object, ...]], probe: str) -> object:
    row = target.execute(probe.encode()).fetchone()
    return row[0] if row else None
