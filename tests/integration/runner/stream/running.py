"""A stream as a process of its own."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from tests.integration.runner.stream.changes import QUERY

FIELDS = {"mode": "streaming", "incremental_key": "at", "poll_seconds": 0.2}
TICKS = os.sysconf("SC_CLK_TCK")


class Running:
    """One run over all its processes."""

    def __init__(self, rig: Any, query: str = QUERY, **fields: Any) -> None:
        self.rig = rig
        self.spec = rig.spec(query, **{**FIELDS, **fields})
        self.process = rig.spawn(self.spec)

    def kill(self) -> None:
        """Kill -9, and a new process of the same run."""
        self.process.kill()
        output, _ = self.process.communicate(timeout=30)
        assert self.process.returncode == -9, output
        self.process = self.rig.spawn(self.spec)

    def stop(self, seconds: float = 30.0) -> Any:
        """SIGTERM; how it ended, which it must within `seconds`."""
        self.process.terminate()
        return self.rig.wait(self.process, self.spec, seconds)

    def close(self) -> None:
        """Leaves no process behind."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def until(self, holds: Callable[[], bool], seconds: float = 30.0) -> None:
        """Waits until something holds; fails when the stream ends, or after so long."""
        deadline = time.monotonic() + seconds
        while not holds():
            assert self.process.poll() is None, self.process.communicate()[0]
            if time.monotonic() > deadline:
                self.process.kill()
                raise AssertionError(f"not in {seconds} s: {self.process.communicate()[0]}")
            time.sleep(0.02)

    def until_same(self, query: str = QUERY, seconds: float = 30.0) -> None:
        """Waits until the target holds what the query gives."""
        rows = "SELECT md5(string_agg(q::text, ',' ORDER BY q::text)) FROM ({}) AS q"

        def same() -> bool:
            try:
                return bool(
                    self.rig.on_target(rows.format("SELECT id, v, at FROM analytics.copy"))
                    == self.rig.on_source(rows.format(query))
                )
            except psycopg.errors.UndefinedTable:
                return False

        self.until(same, seconds)

    def row(self, columns: str) -> tuple[Any, ...]:
        """The run in the store."""
        with psycopg.connect(self.rig.store, autocommit=True) as connection:
            connection.execute("SET TIME ZONE 'UTC'")
            query = f"SELECT {columns} FROM headrace.runs WHERE run_id = %s".encode()
            row = connection.execute(query, (self.spec.run_id,)).fetchone()
        assert row is not None
        return row

    def sessions(self) -> dict[str, int]:
        """The server processes of this run, by name."""
        query = "SELECT application_name, pid FROM pg_stat_activity WHERE application_name LIKE 'headrace-%%' || %s"
        with psycopg.connect(self.rig.source, autocommit=True) as connection:
            return dict(connection.execute(query, (self.spec.run_id,)).fetchall())

    def cpu_seconds(self) -> float:
        """What the process has used since it began."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def megabytes(self) -> float:
        """The process's resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024
