"""What the operator takes from the store is small enough for a resource's status."""

import asyncio
from datetime import UTC, datetime

from headrace.store.records import RunProgress, Snapshot
from headrace_operator.availability import StoreWatch

NOW = datetime(2026, 5, 1, tzinfo=UTC)
HUGE = "x" * 3_000_000


class OneRun:
    """A store whose one run had a value of 3 MB that could not be converted, and such a key."""

    async def observe(self, run_ids):
        progress = RunProgress(
            run_id="r", outcome="FAILED", outcome_message=f'Source: invalid input syntax: "{HUGE}"', rows_read=1,
            rows_written=1, bad_rows=0, batches=1, bytes_read=1, result=None, notes={f"n{n}": HUGE for n in range(100)},
            reporter_epoch=1, reporter_holder=1, sequence=1, first_seen_at=NOW, seen_at=NOW, advanced_at=NOW,
            last_key=[HUGE, HUGE], last_value=HUGE, caught_up_at=NOW,
            stages={"extract": {"state": "RUNNING", "rows_read": 1}, "another": {"state": HUGE}},
        )  # fmt: skip
        return Snapshot(now=NOW, progress={"r": progress})


def test_what_a_runner_said_fits_into_etcd():
    seen = asyncio.run(StoreWatch(OneRun()).observe(["r"])).progress["r"]
    texts = [seen.message, seen.last_key, seen.last_value, *seen.notes, *seen.notes.values()]
    assert seen.message.startswith("Source: invalid input syntax")
    assert seen.message.endswith("…")
    assert sum(map(len, texts)) < 100_000


def test_what_was_measured_comes_along():
    seen = asyncio.run(StoreWatch(OneRun()).observe(["r"])).progress["r"]
    assert seen.stages == {"extract": {"state": "RUNNING", "rows_read": 1}}
    assert seen.caught_up_at == NOW
