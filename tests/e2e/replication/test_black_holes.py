"""Fifty sources, five of which never answer: the others are measured on time, each by one connection at most."""

import time
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from tests.e2e.replication.connections import condition
from tests.e2e.replication.sampled import Sessions
from tests.e2e.replication.servers import silent
from tests.e2e.world import MEASURED_EVERY, UNANSWERED_AFTER

from headrace_local.waiting import wait_for

SOURCES, BLACK_HOLES = 50, 5
ROUNDS = 5
"""Intervals that are looked at."""


@pytest.fixture(scope="module")
def sources(connections):
    """By kubectl, all at once; each with a name of its own at the server, and the black holes first."""
    login = connections.role()
    secret = {"name": connections.secret({"password": login.password})}
    with ExitStack() as stack:
        ports = [stack.enter_context(silent()) for _ in range(BLACK_HOLES)]
        made = [
            connections.manifest(
                "EtlSource",
                login,
                passwordSecret=secret,
                options={"application_name": f"measured {number}"},
                **({"port": ports[number]} if number < BLACK_HOLES else {}),
            )
            for number in range(SOURCES)
        ]
        with Sessions(connections.world.source_dsn, login.name, by="application_name") as sessions:
            connections.apply(*made)
            yield made[:BLACK_HOLES], made[BLACK_HOLES:], sessions


def found(world, sources):
    names = {one["metadata"]["name"] for one in sources}
    return [one for one in world.kubectl.list("etlsources") if one["metadata"]["name"] in names]


@pytest.mark.slow
def test_black_holes_hold_up_nobody_else(world, sources, count):
    silent_ones, good, sessions = sources
    assert len(found(world, [*silent_ones, *good])) == SOURCES

    def all_ready():
        return all(condition(one, "Ready").get("status") == "True" for one in found(world, good))

    began = time.monotonic()
    wait_for("all that answer to be ready", all_ready, seconds=60, every=1)
    first = time.monotonic() - began
    since = datetime.now(UTC)
    time.sleep(ROUNDS * MEASURED_EVERY + UNANSWERED_AFTER)
    gaps = {one["metadata"]["name"]: gap(world, one, since) for one in found(world, good)}
    count(
        f"{SOURCES} sources, {BLACK_HOLES} black holes: all others ready after {first:.1f} s, longest time between"
        f" two measurements {max(gaps.values()):.1f} s, most connections of one source {sessions.at_once}"
    )
    assert len(gaps) == SOURCES - BLACK_HOLES
    late = {name: gap for name, gap in gaps.items() if gap > MEASURED_EVERY + UNANSWERED_AFTER}
    assert late == {}
    for one in found(world, silent_ones):
        assert condition(one, "Ready")["reason"] == "NoAnswer"
        slots = condition(one, "SlotHealthy")
        assert (slots["status"], slots["reason"]) == ("Unknown", "NotMeasured")


def gap(world, source, since):
    """The longest time, in seconds, in which a source was not measured, until now."""
    asked = {"source_id": source["metadata"]["uid"], "since": since.isoformat().replace("+00:00", "Z"), "limit": 1000}
    rows = world.api.call("GET", "/metrics/wal", params=asked)
    times = sorted({datetime.fromisoformat(row["measured_at"]) for row in rows if row["slot"] is None})
    return max((two - one).total_seconds() for one, two in pairwise([since, *times, datetime.now(UTC)]))


def test_the_operator_has_one_connection_at_each_source_at_most(sources):
    _, good, sessions = sources
    assert sessions.looks > 100
    assert len(sessions.most) >= 1
    assert sessions.at_once == 1, sessions.most
    assert len(sessions.most) <= len(good)
