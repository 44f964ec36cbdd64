"""The history of the WAL: newest first, counted exactly without being read, and purged part by part."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from headrace.errors import PermanentError
from headrace.store import wal
from headrace.store.store import Store
from headrace.store.wal import WalMeasurement

SCOPE, OTHER = ("headrace", "etl"), ("headrace", "elsewhere")
FILMS, BOOKS = str(UUID(int=1)), str(UUID(int=2))
START = datetime(2026, 1, 2, 3, 30, tzinfo=UTC)


def measured(
    source_uid: str = FILMS, slot: str | None = None, *, minutes: int = 0, wal_bytes: int = 1
) -> WalMeasurement:
    return WalMeasurement(
        source_uid=source_uid,
        source_name="films" if source_uid == FILMS else "books",
        slot=slot,
        wal_bytes=wal_bytes,
        measured_at=START + timedelta(minutes=minutes),
    )


async def test_a_measurement_comes_back_as_it_was_saved(store: Store) -> None:
    whole = WalMeasurement(
        source_uid=FILMS,
        source_name="films",
        slot="left_behind",
        wal_bytes=5 * 2**40,
        restart_lsn="16/B374D848",
        confirmed_flush_lsn="16/B374D880",
        wal_status="extended",
        safe_wal_size=-5,
        active=False,
        growth_per_minute=1024.5,
        seconds_left=90.25,
        measured_at=START,
    )
    await store.save_wal(SCOPE, [whole, measured()])
    assert await store.list_wal(SCOPE) == ([measured(), whole], 2)


async def test_what_was_saved_before_stays_as_it_is_and_counts_once(store: Store) -> None:
    await store.save_wal(SCOPE, [measured(), measured(slot="a")])
    again = [measured(wal_bytes=9), measured(slot="a", wal_bytes=9), measured(slot="b")]
    await store.save_wal(SCOPE, [*again, *again])
    page, total = await store.list_wal(SCOPE)
    assert [(each.slot, each.wal_bytes) for each in page] == [(None, 1), ("a", 1), ("b", 1)]
    assert total == 3


async def test_nothing_to_save_is_nothing_to_do(store: Store) -> None:
    await store.save_wal(SCOPE, [])
    assert await store.list_wal(SCOPE) == ([], 0)


async def test_what_postgres_can_not_take_is_refused(store: Store) -> None:
    with pytest.raises(PermanentError):
        await store.save_wal(SCOPE, [replace(measured(), restart_lsn="no such place")])


async def test_pages_are_the_list_newest_first_and_each_source_before_its_slots(store: Store) -> None:
    for minutes in (5, 0, 10):
        for source in (BOOKS, FILMS):
            await store.save_wal(SCOPE, [measured(source, slot, minutes=minutes) for slot in ("b", "a", None)])
    await store.save_wal(OTHER, [measured(str(UUID(int=3)), minutes=20)])
    expected = [
        measured(source, slot, minutes=minutes)
        for minutes in (10, 5, 0)
        for source in (FILMS, BOOKS)
        for slot in (None, "a", "b")
    ]
    pages = [await store.list_wal(SCOPE, limit=5, offset=offset) for offset in range(0, 20, 5)]
    assert [each for page, _ in pages for each in page] == expected
    assert {total for _, total in pages} == {18}
    assert (await store.list_wal(SCOPE, offset=2**70))[0] == []


@pytest.mark.parametrize(
    ("source_uid", "since", "total"),
    [
        (None, None, 1200),
        (FILMS, None, 600),
        (str(UUID(int=9)), None, 0),
        ("no uid", None, 0),
        (None, timedelta(0), 1200),
        # 3:30 is where the history begins; hours are counted as a whole from 4:00 on.
        (None, timedelta(minutes=1), 1196),
        (None, timedelta(minutes=30), 1080),
        (None, timedelta(minutes=30, microseconds=1), 1076),
        (FILMS, timedelta(minutes=299), 2),
        (FILMS, timedelta(minutes=300), 0),
        (FILMS, timedelta(days=-900), 600),
    ],
)
async def test_the_count_is_exact_whatever_is_asked_for(
    store: Store, source_uid: str | None, since: timedelta | None, total: int
) -> None:
    history = [
        measured(source, slot, minutes=m) for m in range(300) for source in (FILMS, BOOKS) for slot in (None, "a")
    ]
    await store.save_wal(SCOPE, history)
    at = None if since is None else START + since
    page, counted = await store.list_wal(SCOPE, source_uid=source_uid, since=at, limit=2000)
    assert (len(page), counted) == (total, total)
    assert all(each.source_uid == source_uid for each in page) or source_uid is None


async def test_the_last_of_each_slot_is_found_and_a_slot_that_was_dropped_long_ago_is_not(store: Store) -> None:
    await store.save_wal(SCOPE, [measured(slot="dropped")])
    await store.save_wal(SCOPE, [measured(slot=slot, minutes=100) for slot in (None, "a", "slow")])
    await store.save_wal(SCOPE, [measured(slot=slot, minutes=101, wal_bytes=7) for slot in (None, "a")])
    await store.save_wal(SCOPE, [measured(BOOKS, minutes=500)])
    last = await store.last_wal(SCOPE, FILMS)
    assert [(each.slot, each.wal_bytes) for each in last] == [(None, 7), ("a", 7), ("slow", 1)]
    assert await store.last_wal(SCOPE, str(UUID(int=9))) == []
    assert await store.last_wal(OTHER, FILMS) == []


async def test_the_purge_takes_what_is_older_in_parts_and_leaves_no_counter_behind(
    store: Store, runner: psycopg.Connection[tuple[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wal, "PURGE_BATCH", 7)
    await store.save_wal(
        SCOPE, [measured(source, minutes=minutes) for minutes in range(100) for source in (FILMS, BOOKS)]
    )
    await store.save_wal(OTHER, [measured(str(UUID(int=3)))])
    assert await store.purge_wal(SCOPE, START + timedelta(minutes=45)) == 90
    page, total = await store.list_wal(SCOPE, limit=1000)
    assert (len(page), total) == (110, 110)
    assert min(each.measured_at for each in page) == START + timedelta(minutes=45)
    assert await store.purge_wal(SCOPE, START + timedelta(days=1)) == 110
    assert (await store.list_wal(OTHER))[1] == 1
    assert runner.execute("SELECT count(*) FROM headrace.wal_counts").fetchone() == (1,)
