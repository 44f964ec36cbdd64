"""Compares both sides, and changes nothing: no fence is taken, no checkpoint touched."""

from contextlib import closing
from typing import Any

from headrace.runspec import RunSpec
from headrace_runner.protocols import Comparison, Position
from headrace_runner.settings import Settings
from headrace_runner.sources import open_source
from headrace_runner.stop import Stop
from headrace_runner.targets import open_target


def reconcile(settings: Settings, spec: RunSpec, stop: Stop) -> dict[str, Any]:
    """The run's result; raises PermanentError and TransientError."""
    with (
        closing(open_source(spec, settings.source_dsn, stop.wait)) as source,
        closing(open_target(spec, settings, owner="")) as target,
    ):
        stop.on_expiry(target.cancel)
        compared = target.compare(source.describe(), lambda projection: source.read(projection, Position(), None))
        if isinstance(compared, Comparison):
            return result_of_keys(compared)
        source_count = source.count()
        stop.check()
        return result_of(source_count, target.count()) | ({"note": compared} if compared else {})


def result_of(source_count: int, target_count: int) -> dict[str, Any]:
    """The comparison in the words of the API."""
    difference = source_count - target_count
    return {
        "source_count": source_count,
        "target_count": target_count,
        "difference": difference,
        "status": "OK" if difference == 0 else "WARNING",
    }


def result_of_keys(compared: Comparison) -> dict[str, Any]:
    """The same where each key was looked at: as many rows on both sides may be different ones."""
    return {
        **result_of(compared.source_count, compared.target_count),
        "status": "WARNING" if compared.missing or compared.extra else "OK",
        "missing": compared.missing,
        "extra": compared.extra,
        "missing_keys": list(compared.missing_keys),
        "extra_keys": list(compared.extra_keys),
    }
