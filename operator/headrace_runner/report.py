"""Tells the store how far the run is, from a thread of its own: a store that is away never stops rows from moving."""

import dataclasses
import threading
import time
from typing import Any

import psycopg

from headrace.errors import HeadraceError
from headrace.postgres.deadlines import deadline
from headrace.postgres.problems import describe
from headrace.store.progress import CANCELLED, Progress, report, run_status, write_logs
from headrace_runner.log import Log
from headrace_runner.stop import Stop
from headrace_runner.storage import CONNECT_SECONDS, Connection, Known, open_store

HEARTBEAT_SECONDS = 4.0
INTERVAL_SECONDS = 0.25
"""Between two reports of progress."""
RETRY_SECONDS = 1.0
CANCEL_SECONDS = 1.0
"""How often the store is asked, once we are to stop, whether the run was given up: then its batch is not waited for."""
LAST_WORD_SECONDS = 20.0
SEND_SECONDS = 12.0
"""A store that still answers fails the statement itself before that; one that is frozen never would."""


class ReportThread:
    """Sends the latest progress; what was overtaken while the store was away is not sent."""

    def __init__(self, dsn: str, known: Known, run_log: Log, stop: Stop) -> None:
        self._dsn = dsn
        self._stop = stop
        self._spec = known.spec
        self._run_log = run_log
        self._connection = known.connection
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._ended = threading.Event()
        self._reporter = known.reporter
        self._progress = known.progress
        self._is_away = False
        self._caught_up: float | None = None
        """When the last poll began that brought everything, by the monotonic clock."""
        self._thread = threading.Thread(target=self._work, name="report", daemon=True)

    def start(self) -> None:
        """Begins to report."""
        self._thread.start()

    def hold(self, holder: int) -> None:
        """The fence is ours: later reports go before those of its earlier holders."""
        with self._lock:
            self._reporter = dataclasses.replace(self._reporter, holder=holder)

    def update(self, **changes: Any) -> None:
        """New values for fields of Progress; never waits."""
        with self._lock:
            self._progress = dataclasses.replace(self._progress, **changes)
            self._wake.set()

    def catch_up(self, began: float) -> None:
        """All that there was at this monotonic time is written; the next report says so, and none is sent for it."""
        with self._lock:
            self._caught_up = began

    def progress(self) -> Progress:
        """The latest progress."""
        with self._lock:
            return self._progress

    def finish(self, seconds: float = LAST_WORD_SECONDS, **changes: Any) -> bool:
        """The last word; returns whether the store has it after about `seconds`, whatever the store does."""
        until = time.monotonic() + seconds
        self._end_thread()
        self.update(**changes)
        while not self._try(min(SEND_SECONDS, max(until - time.monotonic(), RETRY_SECONDS))):
            if time.monotonic() > until:
                return False
            time.sleep(RETRY_SECONDS)
        self.close()
        return True

    def close(self) -> None:
        """Ends without a last word."""
        self._end_thread()
        self._connection.close()

    def _end_thread(self) -> None:
        self._ended.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2 * CONNECT_SECONDS + SEND_SECONDS)

    def _work(self) -> None:
        while not self._ended.is_set():
            self._wake.clear()
            sent = self._try(SEND_SECONDS)
            self._ended.wait(INTERVAL_SECONDS if sent else RETRY_SECONDS)
            # Progress wakes us at once, a heartbeat is due when there was none.
            self._wake.wait((CANCEL_SECONDS if self._stop.is_requested() else HEARTBEAT_SECONDS) - INTERVAL_SECONDS)

    def _try(self, seconds: float) -> bool:
        """Sends; returns whether the store took it within `seconds`, once it is connected."""
        try:
            if self._connection.closed:
                self._connection = open_store(self._dsn, self._spec.run_id)
            with deadline(self._connection, seconds):
                self._send(self._connection)
                self._heed_cancel(self._connection)
        except (psycopg.Error, HeadraceError) as error:
            self._connection.close()
            if not self._is_away:
                # Once: the store being away is no fault of the run.
                reason = describe(error) if isinstance(error, psycopg.Error) else str(error)
                self._run_log.warning(f"The store can't be told how far the run is: {reason}")
            self._is_away = True
            return False
        self._is_away = False
        return True

    def _heed_cancel(self, connection: Connection) -> None:
        """Whoever cancels a run may not want to wait for its batch."""
        if self._stop.is_requested() and run_status(connection, self._spec.run_id) == CANCELLED:
            self._stop.expire()

    def _send(self, connection: Connection) -> None:
        with self._lock:
            # Grows across processes that report under the same fence, too.
            sequence = max(self._progress.sequence + 1, time.time_ns() // 1_000_000)
            age = None if self._caught_up is None else time.monotonic() - self._caught_up
            self._progress = dataclasses.replace(self._progress, sequence=sequence, caught_up_age=age)
            progress, reporter = self._progress, self._reporter
        # Before the outcome: who follows the lines to the run's end has all of them then.
        lines = self._run_log.take()
        if lines:
            try:
                write_logs(connection, self._spec.run_id, lines)
            except psycopg.Error:
                self._run_log.put_back(lines)
                raise
        report(connection, self._spec, reporter, progress)
        with self._lock:
            if self._progress is progress:
                self._progress = dataclasses.replace(progress, advanced=False)
