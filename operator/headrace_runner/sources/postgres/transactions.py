"""Transactions in progress on the source, and waiting until they have ended."""

import time
from collections.abc import Callable
from typing import Any

import psycopg

POLL_SECONDS = 0.05
_PREPARED = "prepared "

# Any role may read these columns. A transaction without an xid yet (it has read, and will write) is only in pg_locks.
# Left out: our own readers, which never write, and autovacuum, which has no user. The prepared ones come second: one
# that is prepared meanwhile is in either part, for it is shown there before its lock here is released.
_IN_PROGRESS = b"""
    SELECT l.virtualtransaction FROM pg_catalog.pg_locks AS l
    LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
    WHERE l.locktype = 'virtualxid' AND l.mode = 'ExclusiveLock' AND l.pid <> pg_backend_pid()
      AND (a.pid IS NULL OR a.datname = current_database() AND a.usesysid IS NOT NULL
           AND a.application_name NOT LIKE 'headrace-read %')
    UNION ALL
    SELECT 'prepared ' || gid FROM pg_catalog.pg_prepared_xacts WHERE database = current_database()
"""


def transactions_in_progress(connection: psycopg.Connection[Any]) -> frozenset[str]:
    """Transactions in this database that have not ended, the prepared ones too."""
    return frozenset(row[0] for row in connection.execute(_IN_PROGRESS))


def wait_until_ended(
    connection: psycopg.Connection[Any],
    transactions: frozenset[str],
    sleep: Callable[[float], None],
    seconds: float,
) -> frozenset[str]:
    """Waits; returns those of `transactions` that did not end in that time."""
    deadline = time.monotonic() + seconds
    left = transactions
    while left and time.monotonic() < deadline:
        sleep(POLL_SECONDS)
        # One that was prepared since then has another name now; which one it was nobody knows.
        now = transactions_in_progress(connection)
        left = frozenset(name for name in now if name in left or name.startswith(_PREPARED))
    return left
