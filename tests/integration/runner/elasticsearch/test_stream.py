"""A stream into an index: the same promise, and readers see each poll's documents."""

import random
import time

import psycopg
import pytest
from tests.integration.runner.stream.running import Running

QUERY = "SELECT id, v, at FROM events"
MANY = "INSERT INTO events SELECT n, n, now() FROM generate_series({}, {}) AS n"


@pytest.fixture
def events(index_rig):
    """A source whose rows change."""
    index_rig.on_source(
        "CREATE TABLE events (id int PRIMARY KEY, v int NOT NULL, at timestamptz NOT NULL)",
        "CREATE INDEX ON events (at)",
    )
    return index_rig


@pytest.fixture
def stream():
    """Starts streams, and leaves none behind."""
    made = []

    def start(rig, **fields):
        made.append(Running(rig, QUERY, **fields))
        return made[-1]

    yield start
    for running in made:
        running.close()


def documents(events, running, seconds=30):
    """Waits until the index holds what the query gives."""
    rows = dict(events.on_source(f"SELECT q.id::text, to_jsonb(q) FROM ({QUERY}) AS q"))

    def same():
        try:
            return events.documents() == rows
        except OSError:
            return False

    running.until(same, seconds)


def count(events):
    """What a search sees, without asking for it to see more."""
    return events.call("GET", f"/{events.index}/_count")["count"]


def test_what_is_new_is_seen_by_searches_until_it_is_stopped(events, stream):
    events.on_source(MANY.format(1, 500))
    running = stream(events)
    documents(events, running)
    events.on_source(MANY.format(501, 600), "UPDATE events SET v = -v, at = now() WHERE id <= 50")
    running.until(lambda: count(events) == 600, seconds=5)
    documents(events, running)
    ended = running.stop()
    assert (ended.code, ended.outcome, ended.rows_written) == (75, "STOPPED", 650), ended
    assert events.checkpoint(running.spec)["done"] is False


def test_an_index_is_shown_before_there_are_rows_and_made_again_when_it_is_deleted(events, stream):
    running = stream(events)
    running.until(lambda: running.row("caught_up_at")[0] is not None)
    assert count(events) == 0
    events.on_source(MANY.format(1, 10))
    documents(events, running)
    for found in events.call("GET", f"/_cat/indices/{events.index}*?format=json&h=index"):
        events.call("DELETE", f"/{found['index']}")
    events.on_source(MANY.format(11, 20))
    documents(events, running)
    assert running.stop().outcome == "STOPPED"


def test_what_a_transaction_commits_behind_the_cursor_comes_also_after_a_kill(events, stream):
    events.on_source(MANY.format(1, 10))
    running = stream(events, lookback_seconds=0.0)
    documents(events, running)
    with psycopg.connect(events.source) as late:
        late.execute("INSERT INTO events VALUES (9001, 1, now())")
        time.sleep(0.5)
        events.on_source(MANY.format(11, 20))
        running.until(lambda: len(events.documents()) == 20)
        running.kill()
        time.sleep(1)
    documents(events, running)


@pytest.mark.fire
def test_at_rest_nothing_is_asked_of_the_index_and_after_kills_nothing_is_missing(events, stream):
    events.on_source(MANY.format(1, 2000))
    running = stream(events, max_rows_per_second=4000)
    for _ in range(3):
        for _ in range(20):
            first = random.randrange(1, 1900)
            events.on_source(
                f"UPDATE events SET v = v + 1, at = clock_timestamp() WHERE id BETWEEN {first} AND {first + 25}"
            )
            time.sleep(0.05)
        running.kill()
    documents(events, running)
    time.sleep(1)
    stats = "/_stats/search,indexing,refresh,get"
    before = events.call("GET", f"/{events.index}{stats}")["_all"]["primaries"]
    time.sleep(3)
    after = events.call("GET", f"/{events.index}{stats}")["_all"]["primaries"]
    assert before["indexing"]["index_total"] == after["indexing"]["index_total"]
    assert running.megabytes() < 60
