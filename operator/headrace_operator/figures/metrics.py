"""What /metrics shows: names that dashboards and alerts rely on, so none is renamed."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from headrace.cluster import Call

# One more for each series, which nobody looks at.
disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no types
BUILD = Gauge("headrace_build_info", "1; the version is a label.", ["version"])
BUILD.labels(version("headrace")).set(1)
LEADER = Gauge("headrace_leader", "1 when this process holds the Lease.")
RECONCILES = Counter("headrace_reconciles_total", "Looks at a pipeline, by how they ended.", ["outcome"])
RECONCILE_SECONDS = Histogram("headrace_reconcile_seconds", "How long a look at a pipeline takes.")
LOOKS = Counter(
    "headrace_looks_total", "Looks at schedules, backfills, projects and previews, by outcome.", ["kind", "outcome"]
)
LOOK_SECONDS = Histogram("headrace_look_seconds", "How long a look at one of them takes.", ["kind"])
SCHEDULE_LAG = Histogram(
    "headrace_schedule_lag_seconds",
    "From a due time, with its jitter, to the creation of its run.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600),
)
DUE_TIMES = Counter("headrace_due_times_total", "Due times: Created, or the reason why not.", ["outcome"])
STEPS = Counter("headrace_steps_total", "Steps taken, by kind.", ["step"])
SWEEPS = Counter("headrace_sweeps_total", "Complete lists of what there is, by outcome.", ["outcome"])
MISSED = Counter("headrace_missed_events_total", "Changes that a sweep found and no event had told.")
RUN_SECONDS = Histogram(
    "headrace_run_duration_seconds",
    "How long runs were at work, from asking for a pod to the end, without pauses.",
    ["kind", "outcome"],
    buckets=(1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 4 * 3600, 12 * 3600, 24 * 3600),
)
SERVER_LOOK_SECONDS = Histogram(
    "headrace_wal_measure_seconds",
    "How long a look at a source or destination takes.",
    ["kind", "outcome"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30),
)
WAL_DROPPED = Counter("headrace_wal_measurements_dropped_total", "Measurements of WAL that the store did not take.")
_KUBERNETES = Counter(
    "headrace_kubernetes_requests_total", "Requests to the Kubernetes API.", ["verb", "resource", "outcome"]
)
_KUBERNETES_SECONDS = Histogram(
    "headrace_kubernetes_request_seconds", "How long the Kubernetes API took to answer.", ["verb"]
)
_STORE = Counter("headrace_store_requests_total", "Visits to the store's Postgres, by how they ended.", ["outcome"])
_STORE_SECONDS = Histogram("headrace_store_request_seconds", "How long a visit to the store took.")


@dataclass(frozen=True, slots=True)
class Family:
    """A metric whose values are looked up when somebody asks; only the holder of the Lease shows it."""

    name: str
    text: str
    labels: tuple[str, ...] = ()
    is_counter: bool = False

    def of(self, samples: Iterable[tuple[Sequence[str], float]]) -> CounterMetricFamily | GaugeMetricFamily:
        """The metric with these values."""
        kind = CounterMetricFamily if self.is_counter else GaugeMetricFamily
        family = kind(self.name, self.text, labels=self.labels)
        for labels, value in samples:
            family.add_metric(labels, value)
        return family


STORE_UP = Family("headrace_store_up", "1 when the store answers.")
PIPELINES = Family("headrace_pipelines", "Pipelines in the namespace.")
PHASES = Family("headrace_pipelines_by_phase", "Pipelines, by their phase.", ("phase",))
RUNS = Family("headrace_runs", "Runs whose resources are there, by their phase.", ("phase",))
AT_WORK = Family("headrace_runs_at_work", "Runs that have a pod, or are about to.")
QUEUE = Family("headrace_queue_length", "Pipelines that wait to be looked at.")
WAITING = Family("headrace_pipelines_waiting", "Pipelines of which a run waits until another one ends.")
WAIT_SECONDS = Family("headrace_slot_wait_seconds", "How long the longest of them has waited.")
SWEEP_AGE = Family("headrace_sweep_age_seconds", "Time since everything was last listed.")
TRANSITIONS = Family("headrace_lease_transitions_total", "How often the Lease changed hands.", is_counter=True)
IDLE = Family("headrace_run_idle_seconds", "Time since a count of a run at work was last seen to move.", ("pipeline",))
LAG = Family(
    "headrace_pipeline_lag_seconds",
    "Of incremental pipelines: time since the beginning of the last run that succeeded.",
    ("pipeline",),
)
STREAMS = Family("headrace_streams_active", "Streams that have a pod, or are about to.")
STREAM_LAG = Family(
    "headrace_stream_lag_seconds",
    "Of streams at work: time since the beginning of the last look at the source that left nothing to bring.",
    ("pipeline",),
)
LAST_SUCCESS = Family(
    "headrace_pipeline_last_success_timestamp_seconds", "When a load last succeeded: its end.", ("pipeline",)
)
FAILURES = Family(
    "headrace_pipeline_consecutive_failures", "Loads that failed since the last one that succeeded.", ("pipeline",)
)
HELD = Family("headrace_pipeline_held", "1 when the pipeline is paused or disabled.", ("pipeline",))
ENDED = Family("headrace_runs_finished_total", "Runs that ended.", ("pipeline", "kind", "outcome"), is_counter=True)
ROWS_READ = Family("headrace_rows_read_total", "Rows that came from the source.", ("pipeline",), is_counter=True)
ROWS_WRITTEN = Family(
    "headrace_rows_written_total", "Rows inserted, updated or deleted in the target.", ("pipeline",), is_counter=True
)
BAD_ROWS = Family("headrace_bad_rows_total", "Rows that the target refused.", ("pipeline",), is_counter=True)
BATCHES = Family("headrace_batches_total", "Batches that were committed.", ("pipeline",), is_counter=True)
BYTES_READ = Family("headrace_bytes_read_total", "What the source sent.", ("pipeline",), is_counter=True)
SOURCE_UP = Family("headrace_source_up", "1 when the source let us in when it was last tried.", ("source",))
SOURCE_WAL = Family("headrace_source_wal_bytes", "WAL that all slots of a source hold back together.", ("source",))
SLOT_WAL = Family("headrace_slot_wal_bytes", "WAL that a replication slot holds back.", ("source", "slot"))
SLOT_ACTIVE = Family("headrace_slot_active", "1 when somebody reads from the slot.", ("source", "slot"))
SLOT_SAFE = Family("headrace_slot_safe_wal_bytes", "What may be written until it may be lost.", ("source", "slot"))
SLOT_LEFT = Family("headrace_slot_seconds_left", "Until the slot is lost or the disk full.", ("source", "slot"))
DESTINATION_UP = Family(
    "headrace_destination_up", "1 when the destination let us in when last tried.", ("destination",)
)

LEADERS = (
    STORE_UP, PIPELINES, PHASES, RUNS, AT_WORK, QUEUE, WAITING, WAIT_SECONDS, SWEEP_AGE, TRANSITIONS, IDLE, LAG,
    STREAMS, STREAM_LAG,
    LAST_SUCCESS, FAILURES, HELD, ENDED, ROWS_READ, ROWS_WRITTEN, BAD_ROWS, BATCHES, BYTES_READ,
    SOURCE_UP, SOURCE_WAL, SLOT_WAL, SLOT_ACTIVE, SLOT_SAFE, SLOT_LEFT, DESTINATION_UP,
)  # fmt: skip


@contextmanager
def exported(collector: Collector) -> Iterator[None]:
    """Shows what the collector finds, as long as the block lasts."""
    REGISTRY.register(collector)
    try:
        yield
    finally:
        REGISTRY.unregister(collector)


def tell_kubernetes(call: Call) -> None:
    """Counts a request to the Kubernetes API."""
    _KUBERNETES.labels(call.verb, call.resource, call.outcome).inc()
    _KUBERNETES_SECONDS.labels(call.verb).observe(call.seconds)


def tell_store(outcome: str, seconds: float) -> None:
    """Counts a visit to the store."""
    _STORE.labels(outcome).inc()
    _STORE_SECONDS.observe(seconds)
