"""A stream under load is killed again and again: nothing is lost, nothing doubled, and little is late."""

import logging
import os
import time

import pytest
from tests.fire import IS_ALL
from tests.integration.runner.fire.rounds import ROUNDS
from tests.integration.runner.stream.changes import Changes, lags, percentile

pytestmark = pytest.mark.fire
RATE = 500
KILLS = max(10, ROUNDS) if IS_ALL else 3
SECONDS = float(os.environ.get("HEADRACE_STREAM_SECONDS", "300" if IS_ALL else "15"))


log = logging.getLogger(__name__)
"""Figures for a note: `--log-cli-level=INFO` shows them."""


def tell(name, values):
    """The 99th percentile."""
    p50, p99 = percentile(values, 0.5), percentile(values, 0.99)
    log.info("%s: p50 %.3f s, p99 %.3f s, greatest %.3f s, of %d", name, p50, p99, values[-1], len(values))
    return p99


@pytest.mark.timeout(900)
def test_a_stream_that_is_killed_loses_nothing_and_doubles_nothing(events, stream):
    changes = Changes(events.source, RATE)
    running = stream(events, poll_seconds=0.5)
    with changes.going_on():
        for _ in range(KILLS):
            time.sleep(SECONDS / KILLS)
            running.kill()
        time.sleep(2)
    running.until_same(seconds=60)
    all_lags, late = lags(changes, events.target)
    assert len(all_lags) > RATE * SECONDS / 2
    assert late
    tell("commit to target, over kills", all_lags)
    ended = running.stop()
    assert ended.outcome == "STOPPED"
    # What was written is what is counted, over all processes.
    assert events.on_target("SELECT count(*) FROM analytics.written") == [(ended.rows_written,)]


@pytest.mark.timeout(900)
def test_while_it_is_up_rows_are_little_late(events, stream):
    changes = Changes(events.source, RATE)
    running = stream(events, poll_seconds=1.0)
    # A new stream waits for transactions in progress before it reads all there is.
    running.until(lambda: running.row("caught_up_at")[0] is not None)
    with changes.going_on():
        time.sleep(SECONDS)
    running.until_same(seconds=30)
    all_lags, late = lags(changes, events.target)
    assert tell("commit to target", all_lags) <= 3
    assert tell("of late commits", late) <= 3
    cpu, ended = running.cpu_seconds(), running.stop()
    log.info("%d rows read, %d written, %.1f s of CPU", ended.rows_read, ended.rows_written, cpu)
    assert ended.rows_read < 5 * len(changes.committed)
