"""Rows whose key is null: a read that continues after some key has to see them too, for they fail the run."""

import json
from typing import Any

import psycopg

from headrace_runner.projection import Projection
from headrace_runner.protocols import Position
from headrace_runner.sources.postgres.select import Select


def has_to_see_nulls(
    connection: psycopg.Connection[Any], select: Select, projection: Projection, start: Position
) -> bool:
    """Whether the read itself has to ask for null keys; not where looking first is cheaper, and there are none.

    The bounds must be set, and the read must follow in the same snapshot. Raises psycopg.Error.
    """
    if projection.cursor is not None or start.key is None:
        return True
    # `>= last OR IS NULL` is no range of an index: a read of a million rows by a bigint, continued in the middle, gave
    # its first row after 243 ms, and gives it now after 4 (PostgreSQL 18; 15: 242 and 5). Over a query that no index
    # serves each statement costs all of it, so there one has to do for both.
    together = select.rows(projection, start)
    apart = select.rows(projection, start, nulls=False)
    probe = select.null_key(projection)
    if _cost(connection, apart) + _cost(connection, probe) >= _cost(connection, together):
        return True
    return connection.execute(probe.encode()).fetchone() is not None


def _cost(connection: psycopg.Connection[Any], statement: str) -> float:
    row = connection.execute(f"EXPLAIN (FORMAT JSON) {statement}".encode()).fetchone()
    assert row is not None
    plan = json.loads(row[0]) if isinstance(row[0], str) else row[0]
    return float(plan[0]["Plan"]["Total Cost"])
