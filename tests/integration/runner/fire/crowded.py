"""Others at the target and the source, who lock and change what a run is at."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import psycopg

BLOCKED = "SELECT FROM pg_stat_activity WHERE pg_blocking_pids(pid) @> ARRAY[%s::int] AND application_name LIKE %s"
SECONDS = 30


def wait_until(is_so: Callable[[], object], seconds: float = SECONDS) -> None:
    """Waits for something that must come."""
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.02)


def blocks(dsn: str, connection: psycopg.Connection[Any], application: str) -> bool:
    """Whether a session waits for a lock that this connection has."""
    pid = connection.info.backend_pid
    with psycopg.connect(dsn, autocommit=True) as observer:
        return observer.execute(BLOCKED, (pid, f"{application}%")).fetchone() is not None


@contextmanager
def writer(dsn: str, statements: tuple[str, ...], dice: Random) -> Iterator[None]:
    """Runs statements by chance, over and over, each in a transaction of its own."""
    over = threading.Event()
    failed: list[Exception] = []

    def write() -> None:
        try:
            with psycopg.connect(dsn, autocommit=True) as connection:
                while not over.wait(dice.uniform(0, 0.05)):
                    connection.execute(dice.choice(statements).encode())
        except psycopg.Error as error:
            failed.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert not failed, failed
