"""Where rows come from; one package a kind."""

from collections.abc import Callable
from pathlib import Path

from headrace.runspec import RunSpec
from headrace_runner.protocols import Source


def open_source(spec: RunSpec, dsn: str | Path, wait: Callable[[float], None]) -> Source:
    """Connects to the run's source; `wait` sleeps for it, and raises to end a read.

    Raises PermanentError and TransientError.
    """
    from headrace_runner.sources.postgres.source import PostgresSource

    return PostgresSource(dsn, spec, wait)
