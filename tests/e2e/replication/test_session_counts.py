"""Sessions at the store and at a source, counted there: never more than the pools' settings, and the source, allow."""

import time

import psycopg
from psycopg.conninfo import conninfo_to_dict
from tests.e2e.replication.client import SOURCES
from tests.e2e.replication.sampled import Sessions

from headrace_local.waiting import wait_for

POOL = 5 + 5
"""DB_POOL_SIZE and DB_MAX_OVERFLOW where nobody sets them."""
APIS = 2
CALLERS = 25
MOST = 3
"""Connections of the source."""
RUNS = 6


def at_store(world, by="application_name"):
    return Sessions(world.store_dsn, str(conninfo_to_dict(world.store_dsn)["user"]), by=by)


def test_callers_in_a_crowd_share_the_connections_of_the_pools(world, together, count):
    """While what they ask for is locked, each holds its connection, and those who get none wait for one."""

    def ask(number):
        api = (world.api, world.other_api)[number % APIS]
        return api.request("GET", "/metrics/wal").status_code

    with at_store(world) as sessions, psycopg.connect(world.store_dsn) as keeper:
        keeper.execute("LOCK TABLE headrace.wal_history")
        answers = [together.submit(ask, number) for number in range(CALLERS)]
        wait_for("all connections to be in use", lambda: sessions.most["headrace-api"] >= APIS * POOL, seconds=4)
        time.sleep(0.5)  # Whoever is not held back by the pool connects now.
        keeper.rollback()
        assert {answer.result() for answer in answers} == {200}
    count(f"{CALLERS} callers at once: at most {sessions.most['headrace-api']} connections of {APIS} APIs to the store")
    assert sessions.most["headrace-api"] == APIS * POOL
    assert 1 <= sessions.most["headrace-operator"] <= POOL


def test_runs_in_a_crowd_leave_store_and_source_within_their_limits(world, replication, connections, count):
    login = connections.role()
    source = replication.make(SOURCES, username=login.name, password=login.password, max_connections=MOST)
    replication.wait(SOURCES, source, ready=True)
    pipelines = [world.slow_pipeline(seconds=2, source_id=source["id"]) for _ in range(RUNS)]
    with (
        at_store(world) as store,
        Sessions(world.source_dsn, login.name) as at_source,
        Sessions(world.source_dsn, login.name, by="application_name") as parts,
    ):
        asked = [(made, world.api.run(made["id"])["run_id"]) for made in pipelines]
        for made, run in asked:
            world.done(made, run, seconds=120)
    operators = store.most["headrace-operator"]
    count(f"{RUNS} runs at once: at most {at_source.at_once} connections to the source, {operators} of the operator's")
    assert MOST - 1 <= at_source.at_once <= MOST
    assert parts.most["headrace-monitor"] <= 1
    assert not [part for part in parts.most if "api" in part]
    assert 1 <= operators <= POOL
    assert store.most["headrace-api"] <= APIS * POOL
    for made in pipelines:
        world.api.request("DELETE", f"/pipelines/{made['id']}")
