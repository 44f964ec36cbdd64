"""Many tables mapped by one script over a source with few connections: all are loaded, in turn, by no more of them."""

import os
import time
import uuid
from datetime import datetime
from itertools import accumulate

import pytest
from tests.e2e.replication.sampled import Sessions

from headrace_local.waiting import wait_for

ROUNDS = int(os.environ.get("HEADRACE_FIRE_ROUNDS", "3"))
TABLES = max(12, min(100, 5 * ROUNDS))
MOST = 4
"""Connections of the source."""
ROWS = 200
OVERTAKEN = 2 * MOST
"""Runs that are asked for within a moment may begin in another order, by a few places."""
SCHEMA = f"many_{uuid.uuid4().hex[:8]}"
pytestmark = [pytest.mark.fire, pytest.mark.timeout(240 + 10 * TABLES)]


@pytest.fixture(scope="module")
def login(world, connections):
    """A role of a schema with many tables."""
    tables = " ".join(
        f"CREATE TABLE {SCHEMA}.table_{number:03} (id int PRIMARY KEY, name text);"
        f" INSERT INTO {SCHEMA}.table_{number:03} SELECT n, 'name ' || n FROM generate_series(1, {ROWS}) AS n;"
        for number in range(TABLES)
    )
    world.source(f"CREATE SCHEMA {SCHEMA}; {tables}")
    return connections.role()


@pytest.fixture(scope="module")
def source(world, connections, login):
    """By REST, as the rest of the script."""
    body = {
        "name": SCHEMA,
        "type": "postgres",
        **connections.address,
        "database": "source",
        "username": login.name,
        "password": login.password,
        "max_connections": MOST,
    }
    made = world.api.call("POST", "/sources", body)
    yield made
    for pipeline in world.api.call("GET", f"/pipelines?q={SCHEMA}"):
        world.api.request("DELETE", f"/pipelines/{pipeline['id']}")
    wait_for(
        "the source to go", lambda: world.api.request("DELETE", f"/sources/{made['id']}").status_code in {204, 404},
        seconds=30, every=1,
    )  # fmt: skip


def mapped(world, source, table):
    """A pipeline of a table as it was discovered."""
    return world.api.create(
        name=table["source_table"],
        source_id=source["id"],
        source_table=table["source_table"],
        target_table=f"analytics.{SCHEMA}_{table['name']}",
        key_columns=table["key_columns"],
    )


def at_work_at_once(runs):
    """How many of the runs were at work at the moment with most."""
    changes = {"started_at": 1, "finished_at": -1}
    moments = [(datetime.fromisoformat(run[name]), change) for run in runs for name, change in changes.items()]
    # Of those at the same moment the ends come first.
    return max(accumulate(change for _, change in sorted(moments)))


def test_all_are_loaded_in_turn_and_by_few_connections(world, login, source, count):
    began = time.monotonic()
    with Sessions(world.source_dsn, login.name) as sessions:
        found = world.api.call("GET", f"/sources/{source['id']}/tables")
        tables = [table for table in found if table["schema"] == SCHEMA]
        assert len(tables) == TABLES
        pipelines = [mapped(world, source, table) for table in tables]
        asked = [(made, world.api.run(made["id"])["run_id"]) for made in pipelines]
        # One that has nothing to do with them waits for none of them.
        other = world.pipeline(rows=5)
        world.done(other, world.api.run(other["id"])["run_id"], seconds=60)
        runs = [world.done(made, run, seconds=60 + 5 * TABLES) for made, run in asked]
    seconds, busiest = time.monotonic() - began, at_work_at_once(runs)
    count(
        f"{TABLES} tables loaded in {seconds:.0f} s by at most {sessions.at_once} connections, {busiest} runs at once"
    )
    assert sessions.at_once <= MOST
    assert max(busiest, sessions.at_once) >= MOST - 1, "one connection is the operator's, the runs have the others"
    assert {run["rows_written"] for run in runs} == {ROWS}
    order = sorted(range(TABLES), key=lambda number: runs[number]["started_at"])
    assert max(abs(place - number) for place, number in enumerate(order)) <= OVERTAKEN, order
    for made in pipelines:
        query = f"SELECT * FROM {made['source_table']}"
        assert world.differs({**made, "source_query": query}) == ""
