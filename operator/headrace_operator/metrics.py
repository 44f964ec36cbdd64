"""What /metrics shows."""

from prometheus_client import Counter, Gauge, Histogram

RECONCILES = Counter("headrace_reconciles_total", "Looks at a pipeline, by how they ended.", ["outcome"])
RECONCILE_SECONDS = Histogram("headrace_reconcile_seconds", "How long a look at a pipeline takes.")
STEPS = Counter("headrace_steps_total", "Steps taken, by kind.", ["step"])
RUNS_AT_WORK = Gauge("headrace_runs_at_work", "Runs that have a pod, or are about to.")
PIPELINES = Gauge("headrace_pipelines", "Pipelines in the namespace.")
QUEUE = Gauge("headrace_queue_length", "Pipelines that wait to be looked at.")
STORE_UP = Gauge("headrace_store_up", "1 when the store answers.")
LEADER = Gauge("headrace_leader", "1 when this process holds the Lease.")
SWEEPS = Counter("headrace_sweeps_total", "Complete lists of what there is, by outcome.", ["outcome"])
MISSED = Counter("headrace_missed_events_total", "Changes that a sweep found and no event had told.")
