"""What a query of Prometheus reads: enough of its grammar for our own, promtool is not everywhere."""

import re

from tests.unit.observability.families import ALL, SCRAPED

_SELECTOR = re.compile(r"\b(headrace_\w+|process_\w+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_GROUPING = re.compile(r"\bby\s*\(([^)]*)\)")
OF_PROCESS = frozenset({"process_resident_memory_bytes", "process_cpu_seconds_total"})
"""What prometheus_client tells of every process."""


def unknown(query: str) -> list[str]:
    """The series that nobody shows, and labels that a series has not."""
    wrong, known = [], SCRAPED
    for name, matchers in _SELECTOR.findall(query):
        labels = labels_of(name)
        if labels is None:
            wrong.append(name)
            continue
        known |= labels
        wrong += [f"{name}{{{label}}}" for label in _MATCHER.findall(matchers) if label not in labels | SCRAPED]
    for grouping in _GROUPING.findall(query):
        wrong += [f"by ({label})" for label in re.split(r"[\s,]+", grouping.strip()) if label not in known]
    return wrong


def labels_of(series: str) -> frozenset[str] | None:
    """The labels of a series, of whichever role; None when there is none of that name."""
    if series in OF_PROCESS:
        return frozenset()
    found = [metric.labels for metric in ALL if series in metric.series]
    return frozenset().union(*found) if found else None
