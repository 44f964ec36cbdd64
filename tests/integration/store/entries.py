"""How many entries of tables and indexes the sessions of a store have read."""

import time
from typing import LiteralString

import psycopg

PLANNING = 20
"""The planner looks at the ends of an index."""
_CONNECTED: LiteralString = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'headrace'
"""


def entries_read(connection: psycopg.Connection[tuple[int]], query: LiteralString) -> int:
    """What the query says of it so far: a session tells of its own when it ends."""
    deadline = time.monotonic() + 20
    while connection.execute(_CONNECTED).fetchall() != [(0,)]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    ((entries,),) = connection.execute(query).fetchall()
    return int(entries)
