"""A stream brings what is new until it is stopped, and holds nothing meanwhile."""

import logging
import os
import time

import psycopg
import pytest
from tests.integration.runner.stream.changes import TABLE

log = logging.getLogger(__name__)
SECONDS_OF_REST = float(os.environ.get("HEADRACE_REST_SECONDS", "10"))
MANY = "INSERT INTO events SELECT n, n, now() FROM generate_series({}, {}) AS n"


def test_inserts_and_updates_arrive_until_it_is_stopped(events, stream):
    events.on_source(MANY.format(1, 500))
    running = stream(events)
    running.until_same()
    events.on_source(MANY.format(501, 600), "UPDATE events SET v = -v, at = now() WHERE id <= 50")
    running.until_same()
    assert running.rig.checkpoint(running.spec)["done"] is False
    ended = running.stop()
    assert (ended.code, ended.outcome, ended.rows_written) == (75, "STOPPED", 650), ended
    assert running.rig.checkpoint(running.spec)["done"] is False
    stages = running.row("stages")[0]
    assert [stages[name]["state"] for name in ("extract", "transform", "load")] == ["RUNNING"] * 3
    assert stages["load"]["rows_written"] == 650
    assert len(ended.log) < 15, ended.log


def test_a_stream_goes_on_where_an_incremental_run_ended_and_the_other_way_round(events, stream):
    fields = {"incremental_key": "at", "lookback_seconds": 0.0}
    events.on_source(MANY.format(1, 500))
    events.load("SELECT id, v, at FROM events", mode="incremental", **fields)
    running = stream(events, lookback_seconds=0.0)
    events.on_source(MANY.format(501, 600))
    running.until_same()
    assert running.stop().rows_read <= 102
    events.on_source(MANY.format(601, 650))
    assert events.load("SELECT id, v, at FROM events", mode="incremental", **fields).rows_written == 50
    events.assert_same("SELECT id, v, at FROM events")


def test_it_starts_over_where_the_source_leads_elsewhere(events, stream, emptied, server):
    events.on_source(MANY.format(1, 300))
    running = stream(events, source="shop")
    running.until_same()
    running.stop()
    events.source = emptied(server, "elsewhere")
    # Long before what was read in the other database.
    events.on_source(
        *TABLE, "INSERT INTO events SELECT n, -n, now() - interval '9 days' FROM generate_series(1, 300) n"
    )
    running = stream(events, source="shop")
    running.until_same()
    assert "Starting over: the source leads to another host, port or database" in running.stop().log


def test_an_empty_source_is_waited_for(events, stream):
    running = stream(events)
    running.until(lambda: running.row("caught_up_at")[0] is not None)
    events.on_source(MANY.format(1, 5))
    running.until_same()
    assert running.stop().rows_written == 5


def test_at_rest_it_stops_within_a_second(events, stream):
    events.on_source(MANY.format(1, 5))
    running = stream(events, poll_seconds=30.0)
    running.until_same()
    time.sleep(0.5)
    began = time.monotonic()
    assert running.stop().outcome == "STOPPED"
    assert time.monotonic() - began < 1.0


def test_between_polls_it_keeps_its_sessions_and_holds_nothing_back(events, stream):
    events.on_source(MANY.format(1, 5))
    running = stream(events, poll_seconds=1.0)
    running.until_same()
    before = running.sessions()
    held = """
        SELECT application_name, state, backend_xmin FROM pg_stat_activity
        WHERE application_name LIKE 'headrace-%' AND (state LIKE 'idle in%' OR backend_xmin IS NOT NULL)
    """
    seen = []
    for _ in range(100):
        seen.append(bool(events.on_source(held)))
        time.sleep(0.02)
    # A look takes a few milliseconds.
    assert sum(seen) < 10, seen
    assert running.sessions() == before
    assert len(before) == 3


def test_what_a_transaction_commits_behind_the_cursor_is_read_again_once(events, stream):
    events.on_source(MANY.format(1, 2000))
    running = stream(events, lookback_seconds=0.0)
    running.until_same()
    with psycopg.connect(events.source) as late:
        late.execute("INSERT INTO events VALUES (9001, 1, now())")
        time.sleep(0.5)
        for start in range(3001, 3601, 100):
            events.on_source(MANY.format(start, start + 99))
            time.sleep(0.3)
        assert events.on_target("SELECT count(*) FROM analytics.copy") == [(2600,)]
    running.until_same(seconds=2)
    ended = running.stop()
    assert ended.rows_written == 2601
    assert ended.rows_read <= 2601 + 601, "what came since it began, once more"
    assert events.on_target("SELECT count(*) FROM analytics.written") == [(2601,)]


def test_a_transaction_that_was_prepared_meanwhile_is_read_when_it_is_committed(events, stream):
    events.on_source(MANY.format(1, 10))
    running = stream(events, lookback_seconds=0.0)
    running.until_same()
    with psycopg.connect(events.source, autocommit=True) as late:
        late.execute("BEGIN")
        late.execute("INSERT INTO events VALUES (9001, 1, now())")
        time.sleep(0.5)
        events.on_source(MANY.format(11, 20))
        time.sleep(0.5)
        late.execute("PREPARE TRANSACTION 'late'")
        events.on_source(MANY.format(21, 30))
        time.sleep(0.5)
        late.execute("COMMIT PREPARED 'late'")
    running.until_same(seconds=5)


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_a_stream_that_goes_while_a_transaction_is_open_reads_it_when_it_is_back(events, stream, how):
    """What was in progress was in memory; the checkpoint is behind it."""
    events.on_source(MANY.format(1, 10))
    running = stream(events, lookback_seconds=0.0)
    running.until_same()
    with psycopg.connect(events.source) as late:
        late.execute("INSERT INTO events VALUES (9001, 1, now())")
        time.sleep(0.5)
        events.on_source(MANY.format(11, 20))
        running.until(lambda: events.on_target("SELECT count(*) FROM analytics.copy") == [(20,)])
        if how == "kill":
            running.process.kill()
            running.process.communicate()
        else:
            running.stop()
    running.process = events.spawn(running.spec)
    running.until_same()


def test_a_time_that_an_application_set_is_found_within_the_lookback(events, stream):
    events.on_source(MANY.format(1, 10))
    running = stream(events)
    running.until_same()
    events.on_source("INSERT INTO events VALUES (9001, 1, now() - interval '1 minute')")
    running.kill()
    running.until_same()


def test_a_target_that_is_dropped_meanwhile_is_filled_again(events, stream):
    events.on_source(MANY.format(1, 500))
    running = stream(events)
    running.until_same()
    events.on_target("DROP TABLE analytics.copy")
    events.on_source(MANY.format(501, 510))
    running.until_same()
    assert running.stop().outcome == "STOPPED"


def test_a_column_that_is_added_to_the_target_is_no_fault(events, stream):
    events.on_source(MANY.format(1, 10))
    running = stream(events)
    running.until_same()
    events.on_target("ALTER TABLE analytics.copy ALTER v TYPE bigint")
    events.on_source(MANY.format(11, 20))
    running.until_same()


def test_sessions_that_are_ended_are_made_again(events, stream):
    events.on_source(MANY.format(1, 10))
    running = stream(events)
    running.until_same()
    for start in (11, 21, 31):
        # Five attempts without progress would end it: a poll that finds nothing is progress.
        for _ in range(3):
            events.on_source(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name ~ '^headrace-(read|write)'"
            )
            time.sleep(1.5)
        events.on_source(MANY.format(start, start + 9))
        running.until_same()
    running.until(lambda: running.row("outcome_message")[0] is None)


def test_at_rest_the_target_hears_nothing_and_the_store_only_heartbeats(events, stream):
    events.on_source(MANY.format(1, 10))
    running = stream(events, lookback_seconds=0.0)
    running.until_same()
    time.sleep(5)
    saved = "SELECT xmin::text FROM headrace.pipeline_checkpoints"
    before, reports, until = events.on_target(saved), set(), time.monotonic() + 9
    while time.monotonic() < until:
        sequence, behind = running.row("sequence, extract(epoch FROM now() - caught_up_at)::float8")
        reports.add(sequence)
        assert 0 <= behind < 5.5, "a heartbeat and a poll"
        time.sleep(0.1)
    assert 2 <= len(reports) <= 4
    assert events.on_target(saved) == before


@pytest.mark.slow
def test_at_rest_it_takes_under_a_percent_of_a_core_and_50_megabytes(events, stream):
    events.on_source(MANY.format(1, 20_000))
    running = stream(events, poll_seconds=1.0, lookback_seconds=5.0)
    running.until_same()
    time.sleep(3)
    before, began = running.cpu_seconds(), time.monotonic()
    time.sleep(SECONDS_OF_REST)
    share = (running.cpu_seconds() - before) / (time.monotonic() - began)
    log.info("at rest: %.2f %% of a core, %.0f MB", 100 * share, running.megabytes())
    assert share < 0.01
    assert running.megabytes() < 50
