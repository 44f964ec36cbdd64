"""What the runner asks the store before rows move; it waits for a store that is away, for a while."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg

from headrace.errors import PermanentError, TransientError
from headrace.postgres.connect import connect
from headrace.postgres.deadlines import deadline
from headrace.postgres.problems import translated
from headrace.runspec import RunSpec
from headrace.store.progress import Progress, Reporter, last_report, load_spec, run_status
from headrace_runner.settings import Settings
from headrace_runner.stop import Stop

WAIT_SECONDS = 60.0
RETRY_SECONDS = 1.0
ANSWER_SECONDS = 15.0
T = TypeVar("T")


def load_run(settings: Settings, stop: Stop) -> tuple[RunSpec, Reporter, Progress]:
    """The run's spec, who we are when we report (of equal rank with this Job's last reporter), and what was reported.

    Raises PermanentError when there is no such run, TransientError when the store stays away.
    """

    def load(connection: psycopg.Connection[Any]) -> tuple[RunSpec, Reporter, Progress]:
        spec = load_spec(connection, settings.run_id)
        if spec is None:
            raise PermanentError("The store does not know this run")
        last = last_report(connection, settings.run_id)
        if last is None:
            raise PermanentError("The store does not know this run")
        reporter, progress = last
        holder = reporter.holder if reporter.epoch == settings.epoch else 0
        return spec, Reporter(run_id=settings.run_id, epoch=settings.epoch, holder=holder), progress

    return _ask(settings, stop, load)


def status_of(settings: Settings, run_id: str, stop: Stop) -> str | None:
    """The status of any run; raises TransientError when the store stays away."""
    return _ask(settings, stop, lambda connection: run_status(connection, run_id))


def _ask(settings: Settings, stop: Stop, question: Callable[[psycopg.Connection[Any]], T]) -> T:
    until = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            with translated("the store"):
                name = f"headrace-report {settings.run_id}"
                with connect(settings.store_dsn, application_name=name) as connection:
                    with deadline(connection, ANSWER_SECONDS):
                        return question(connection)
        except TransientError:
            if time.monotonic() > until:
                raise
        stop.wait(RETRY_SECONDS)
