"""All metrics of ours that there are: names, labels, and the series that Prometheus stores of each."""

import dataclasses

from prometheus_client import Counter, Gauge, Histogram

from headrace.cluster import Call
from headrace.postgres.pools import PoolState
from headrace_api.metrics import Metrics
from headrace_operator.figures import metrics

SCRAPED = frozenset({"namespace", "pod", "instance", "job"})
"""Labels that Prometheus adds."""
_PARTS = {Counter: ("_total",), Gauge: ("",), Histogram: ("_bucket", "_count", "_sum")}


@dataclasses.dataclass(frozen=True)
class Told:
    """One metric."""

    name: str
    """As the docs have it."""
    series: frozenset[str]
    labels: frozenset[str]


def _of_operator() -> list[Told]:
    found = []
    for metric in vars(metrics).values():
        parts = _PARTS.get(type(metric))
        if parts is not None:
            series = frozenset(f"{metric._name}{part}" for part in parts)
            labels = frozenset(metric._labelnames) | ({"le"} if type(metric) is Histogram else set())
            found.append(Told(f"{metric._name}{parts[0] if len(parts) == 1 else ''}", series, labels))
    return found + [Told(f.name, frozenset({f.name}), frozenset(f.labels)) for f in metrics.LEADERS]


def api_metrics() -> Metrics:
    """Those of an API that has had one of each."""
    made = Metrics(ages=lambda: {"etlruns": 1.0}, pool=lambda: PoolState(connections=2, idle=1, waiting=0, failures=0))
    made.begin()
    made.end("GET", "/pipelines", 200, 0.1)
    made.tell_kubernetes(Call("get", "etlruns", "ok", 0.1))
    made.tell_store("ok", 0.1)
    return made


def _of_api() -> list[Told]:
    found = []
    for family in api_metrics().registry.collect():
        if family.name.startswith("headrace_"):
            series = frozenset(sample.name for sample in family.samples)
            labels = frozenset(label for sample in family.samples for label in sample.labels)
            found.append(Told(f"{family.name}{'_total' if family.type == 'counter' else ''}", series, labels))
    return found


OPERATOR, API = _of_operator(), _of_api()
ALL = [*OPERATOR, *API]
