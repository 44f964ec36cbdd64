"""The runner's connection to the store, and what it asks there before rows move; a store that is away is waited for."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg

from headrace.errors import PermanentError, TransientError
from headrace.postgres.connect import connect
from headrace.postgres.deadlines import deadline
from headrace.postgres.problems import translated
from headrace.runspec import RunSpec
from headrace.store.progress import Progress, Reporter, last_report, load_spec, run_status
from headrace_runner.ahead import Ahead
from headrace_runner.settings import Settings
from headrace_runner.stop import Stop

Connection = psycopg.Connection[tuple[Any, ...]]

CONNECT_SECONDS = 5
SETTINGS = {"statement_timeout": "10s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "30s"}
WAIT_SECONDS = 60.0
RETRY_SECONDS = 1.0
ANSWER_SECONDS = 15.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the store knows of our run."""

    spec: RunSpec
    reporter: Reporter
    """Who we are when we report: of equal rank with this Job's last reporter."""
    progress: Progress
    """What was reported before."""
    connection: Connection
    """That it was asked on, to go on with."""


def open_store(dsn: str, run_id: str) -> Connection:
    """Connects; raises psycopg.OperationalError, and PermanentError for a DSN that can't be read."""
    name = f"headrace-report {run_id}"
    return connect(dsn, application_name=name, connect_timeout=CONNECT_SECONDS, settings=SETTINGS)


def begin_to_open(settings: Settings) -> Ahead[Connection]:
    """The connection that the run's spec is read on, as early as possible."""
    return Ahead(lambda: open_store(settings.store_dsn, settings.run_id))


def load_run(settings: Settings, stop: Stop, opening: Ahead[Connection]) -> Known:
    """Raises PermanentError when there is no such run, TransientError when the store stays away."""

    def load(connection: Connection) -> Known:
        spec = load_spec(connection, settings.run_id)
        last = last_report(connection, settings.run_id)
        if spec is None or last is None:
            raise PermanentError("The store does not know this run")
        reporter, progress = last
        holder = reporter.holder if reporter.epoch == settings.epoch else 0
        reporter = Reporter(run_id=settings.run_id, epoch=settings.epoch, holder=holder)
        return Known(spec=spec, reporter=reporter, progress=progress, connection=connection)

    return _ask(opening.take, stop, load)


def status_of(settings: Settings, run_id: str, stop: Stop) -> str | None:
    """The status of any run; raises TransientError when the store stays away."""

    def status(connection: Connection) -> str | None:
        with connection:
            return run_status(connection, run_id)

    return _ask(lambda: open_store(settings.store_dsn, settings.run_id), stop, status)


def _ask(open_connection: Callable[[], Connection], stop: Stop, question: Callable[[Connection], T]) -> T:
    """The answer; the connection stays open, unless asking failed."""
    until = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            with translated("the store"):
                connection = open_connection()
                try:
                    with deadline(connection, ANSWER_SECONDS):
                        return question(connection)
                except BaseException:
                    connection.close()
                    raise
        except TransientError:
            if time.monotonic() > until:
                raise
        stop.wait(RETRY_SECONDS)
