"""Many tables mapped by the documentation's script: all are loaded, in turn, by few connections."""

import os
import re
import shutil
import subprocess
import time
import uuid
from datetime import datetime
from itertools import accumulate
from pathlib import Path

import pytest
from tests.e2e.replication.sampled import Sessions
from tests.fire import rounds

from headrace_local.waiting import wait_for

TABLES = max(12, min(100, 5 * rounds(2)))
MOST = 4
"""Connections of the source."""
ROWS = 200
OVERTAKEN = 2 * MOST
"""Runs that are asked for within a moment may begin in another order, by a few places."""
SCHEMA = f"many_{uuid.uuid4().hex[:8]}"
PAGE = Path(__file__).parents[3] / "docs" / "sources.md"
pytestmark = [
    pytest.mark.fire,
    pytest.mark.timeout(240 + 10 * TABLES),
    pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="the script takes curl and jq"),
]


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


def script():
    """What the page says, for a schema of our own."""
    section = PAGE.read_text().partition("## Many tables at once")[2]
    return re.search(r"```sh\n(.*?)```", section, re.DOTALL)[1].replace("schema=shop", f"schema={SCHEMA}")


def mapped(world, source, folder):
    """The pipelines that the script makes, in the order of the runs that it asks for, and those."""
    # The page's calls are without a token, which an installation asks for.
    (folder / ".curlrc").write_text(f'header = "Authorization: Bearer {world.token}"\n')
    known = {"API": world.api.base.removesuffix("/api/v1"), "SOURCE_ID": source["id"], "CURL_HOME": str(folder)}
    done = subprocess.run(
        ["bash", "-c", script()], env={**os.environ, **known}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    runs = [world.api.call("GET", f"/runs/{run}")["data"] for run in done.stdout.split()]
    return [(world.api.pipeline(run["pipeline_id"]), run["id"]) for run in runs]


def at_work_at_once(runs):
    """How many of the runs were at work at the moment with most."""
    changes = {"started_at": 1, "finished_at": -1}
    moments = [(datetime.fromisoformat(run[name]), change) for run in runs for name, change in changes.items()]
    # Of those at the same moment the ends come first.
    return max(accumulate(change for _, change in sorted(moments)))


def test_all_are_loaded_in_turn_and_by_few_connections(world, login, source, count, tmp_path):
    began = time.monotonic()
    with Sessions(world.source_dsn, login.name) as sessions:
        asked = mapped(world, source, tmp_path)
        assert len(asked) == TABLES
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
    for made, _ in asked:
        query = f"SELECT * FROM {made['source_table']}"
        assert world.differs({**made, "source_query": query}) == ""
