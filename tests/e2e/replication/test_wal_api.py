"""GET /metrics/wal: the history of what was measured, its filters and its pages."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from tests.e2e.platform.client import moment, refused
from tests.e2e.replication.client import SOURCES

from headrace_local.waiting import wait_for


@pytest.fixture(scope="module")
def measured(replication, connections):
    """A source that was measured at least twice."""
    login = connections.role("REPLICATION")
    made = replication.make(SOURCES, username=login.name, password=login.password)
    wait_for("two measurements", lambda: len(history(replication, source_id=made["id"])) >= 2, seconds=60)
    return made


def history(replication, **params):
    return replication.world.api.call("GET", "/metrics/wal", params=params, quiet=True)


def test_measurements_come_newest_first_and_say_what_was_held_back(replication, measured):
    found = history(replication, source_id=measured["id"])
    assert {each["source_id"] for each in found} == {measured["id"]}
    times = [moment(each["measured_at"]) for each in found]
    assert times == sorted(times, reverse=True)
    whole = [each for each in found if each["slot"] is None]
    assert whole
    assert all(each["wal_bytes"] >= 0 for each in found)
    assert {"restart_lsn", "wal_status", "growth_per_minute", "seconds_left"} <= found[0].keys()
    assert replication.world.api.call("GET", "/metrics/wal/", params={"limit": 1})


def test_they_are_filtered_and_paged(replication, measured):
    found = history(replication, source_id=measured["id"])
    oldest, newest = found[-1]["measured_at"], found[0]["measured_at"]
    # Inclusive. Only of the newest one is sure that it is on the first page, whenever this runs.
    assert found[0] in history(replication, source_id=measured["id"], since=newest)
    assert all(each["measured_at"] >= newest for each in history(replication, source_id=measured["id"], since=newest))
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert history(replication, since=tomorrow) == []
    params = {"source_id": measured["id"], "limit": 1, "offset": 1, "since": oldest}
    answer = replication.world.api.request("GET", "/metrics/wal", params=params)
    assert len(answer.json()) == 1
    assert int(answer.headers["X-Total-Count"]) >= len(found)


def test_an_unknown_source_has_no_history(replication):
    for unknown in (str(uuid.uuid4()), "unknown", ""):
        answer = replication.world.api.request("GET", "/metrics/wal", params={"source_id": unknown})
        assert (answer.status_code, answer.json(), answer.headers["X-Total-Count"]) == (200, [], "0")


def test_a_deleted_source_keeps_its_history(replication, connections):
    login = connections.role()
    made = replication.make(SOURCES, username=login.name, password=login.password)
    wait_for("a measurement", lambda: history(replication, source_id=made["id"]), seconds=60)
    assert replication.request("DELETE", SOURCES, made).status_code == 204
    assert history(replication, source_id=made["id"])


@pytest.mark.parametrize(
    "query",
    ["since=yesterday", "since=2026-03-01", "since=2026-03-01T12:00:00", "since=17", "limit=0", "limit=1001",
     "limit=x", "offset=-1"],
)  # fmt: skip
def test_a_bad_filter_is_refused_by_its_name(replication, query):
    name, value = query.split("=")
    answer = replication.world.api.request("GET", "/metrics/wal", params={name: value})
    refused(answer, 422, "VALIDATION_ERROR", name)


def test_no_call_changes_the_history(replication):
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        refused(replication.world.api.request(method, "/metrics/wal"), 405, "METHOD_NOT_ALLOWED")
