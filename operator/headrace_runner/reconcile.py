"""Counts both sides, and changes nothing: no fence is taken, no checkpoint touched."""

from contextlib import closing
from typing import Any

from headrace.runspec import RunSpec
from headrace_runner.settings import Settings
from headrace_runner.sources import open_source
from headrace_runner.stop import Stop
from headrace_runner.targets import open_target


def reconcile(settings: Settings, spec: RunSpec, stop: Stop) -> dict[str, Any]:
    """The run's result; raises PermanentError and TransientError."""
    with closing(open_source(spec, settings.source_dsn, stop.wait)) as source:
        source_count = source.count()
    stop.check()
    with closing(open_target(spec, settings, owner="")) as target:
        stop.on_expiry(target.cancel)
        target_count = target.count()
    return result_of(source_count, target_count)


def result_of(source_count: int, target_count: int) -> dict[str, Any]:
    """The comparison in the words of the API."""
    difference = source_count - target_count
    return {
        "source_count": source_count,
        "target_count": target_count,
        "difference": difference,
        "status": "OK" if difference == 0 else "WARNING",
    }
