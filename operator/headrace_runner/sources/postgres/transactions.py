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
        left = left_of(left, transactions_in_progress(connection), transactions)
    return left


def left_of(left: frozenset[str], now: frozenset[str], first: frozenset[str]) -> frozenset[str]:
    """Those of `left` that are in progress `now`; `first` is what was waited for at first.

    One that was prepared since has another name, and which one nobody knows: so whenever one is gone, all that have
    been prepared since are taken for it. While none is gone none is: on a source that prepares all the time the wait
    would have no end.
    """
    is_one_gone = any(not name.startswith(_PREPARED) for name in left - now)
    prepared = frozenset(name for name in now - first if name.startswith(_PREPARED))
    return (left & now) | (prepared if is_one_gone else frozenset())
