"""A source that changes all the time, and when each change was committed."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

TABLE = (
    "CREATE TABLE events (id int PRIMARY KEY, v int NOT NULL, at timestamptz NOT NULL)",
    "CREATE INDEX ON events (at)",
)
QUERY = "SELECT id, v, at FROM events"
_CHANGE = """
    INSERT INTO events SELECT id, %(first)s - 1 + n, now() FROM unnest(%(ids)s::int[]) WITH ORDINALITY AS i(id, n)
    ON CONFLICT (id) DO UPDATE SET v = excluded.v, at = excluded.at
"""
TARGET = (
    "CREATE SCHEMA analytics",
    "CREATE TABLE analytics.written (id int, v int, at timestamptz DEFAULT clock_timestamp())",
    """CREATE FUNCTION analytics.write_down() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO analytics.written (id, v) VALUES (NEW.id, NEW.v); RETURN NEW; END $$""",
    "CREATE TABLE analytics.copy (id int PRIMARY KEY, v int, at timestamptz)",
    """CREATE TRIGGER write_down BEFORE INSERT OR UPDATE ON analytics.copy FOR EACH ROW
        EXECUTE FUNCTION analytics.write_down()""",
)
"""A target that writes down what comes and when, in the transaction that brings it."""


class Changes:
    """Inserts and updates `rate` rows a second, each with a version of its own, in transactions of any length."""

    def __init__(self, dsn: str, rate: int) -> None:
        self._dsn = dsn
        self._rate = rate
        self._lock = threading.Lock()
        self._version = 0
        self._id = 0
        self._over = threading.Event()
        self.committed: dict[int, float] = {}
        """Version to when its commit was answered, in Unix seconds."""
        self.late: set[int] = set()
        """Versions of transactions that stayed open for seconds."""

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Writers that are at it: most transactions are short, one of them at a time stays open for seconds."""
        threads = [threading.Thread(target=self._write, args=(size, late)) for size, late in ((5, 0), (5, 0), (20, 3))]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def _write(self, size: int, late: float) -> None:
        with psycopg.connect(self._dsn) as connection:
            until = time.monotonic()
            while not self._over.is_set():
                versions = self._change(connection, size, fresh=bool(late))
                if late:
                    self._over.wait(random.uniform(0.1, 2 * late))
                connection.commit()
                now = time.time()
                with self._lock:
                    self.committed |= dict.fromkeys(versions, now)
                    self.late |= set(versions if late else ())
                # Two writers make the rate; the slow one is beside it.
                until = max(until + 2 * size / self._rate, time.monotonic() - 1)
                self._over.wait(0 if late else max(0.0, until - time.monotonic()))

    def _change(self, connection: psycopg.Connection[Any], size: int, *, fresh: bool) -> range:
        with self._lock:
            first, self._version = self._version + 1, self._version + size
            # A row that a slow transaction holds must not stop the others: it only inserts.
            new = size if fresh else size // 2
            ids = list(range(self._id + 1, self._id + new + 1))
            old = self._id
            self._id += new
            ids += [] if fresh else random.sample(range(max(1, old - 2000), old + 1), min(size - new, old))
        # Sorted: two that take the same rows must not wait for each other.
        parameters = {"ids": sorted(set(ids)), "first": first}
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '50ms'")
            try:
                cursor.execute(_CHANGE, parameters)
            except psycopg.errors.LockNotAvailable:
                connection.rollback()
                return range(0)
        return range(first, first + len(parameters["ids"]))


def lags(changes: Changes, target: str) -> tuple[list[float], list[float]]:
    """Seconds from commit to target, sorted, of all versions that came and of the late ones; fails for a doubled one.

    A version that was overwritten before anybody looked never comes.
    """
    with psycopg.connect(target, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT v, count(*), min(extract(epoch FROM at))::float8 FROM analytics.written GROUP BY v"
        )
        found = {version: (count, at) for version, count, at in rows}
    doubled = [version for version, (count, _) in found.items() if count > 1]
    assert doubled == [], f"{len(doubled)} rows were written twice"
    lag = {
        version: at - changes.committed[version] for version, (_, at) in found.items() if version in changes.committed
    }
    return sorted(lag.values()), sorted(lag[version] for version in changes.late if version in lag)


def percentile(values: list[float], share: float) -> float:
    """Of sorted values."""
    return values[min(len(values) - 1, int(len(values) * share))]
