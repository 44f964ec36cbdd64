"""An epoch is greater than all before it, whoever draws, and whatever the clock or a new store say."""

import asyncio
import time
from typing import Any

import psycopg

from headrace.store.store import Store


async def test_two_stores_at_once_never_draw_the_same(store: Store, store_dsn: str) -> None:
    other = Store(store_dsn)
    try:
        draws = [(store, other)[n % 2].draw_epoch("headrace", "etl", "film-dim") for n in range(60)]
        assert len(set(await asyncio.gather(*draws))) == 60
    finally:
        await other.close()


async def test_each_is_greater_than_the_last(store: Store) -> None:
    drawn = [await store.draw_epoch("headrace", "etl", "film-dim") for _ in range(20)]
    assert drawn == sorted(set(drawn))


async def test_a_new_store_starts_at_the_clock(store: Store) -> None:
    before = time.time_ns() // 1_000_000
    epoch = await store.draw_epoch("headrace", "etl", "film-dim")
    assert before <= epoch <= time.time_ns() // 1_000_000


async def test_a_clock_that_went_back_does_not_matter(store: Store, runner: psycopg.Connection[Any]) -> None:
    ahead = 9_000_000_000_000
    runner.execute("INSERT INTO headrace.epochs VALUES ('headrace', 'etl', 'film-dim', %s)", (ahead,))
    assert await store.draw_epoch("headrace", "etl", "film-dim") == ahead + 1
    assert await store.draw_epoch("headrace", "etl", "film-dim") == ahead + 2


async def test_installations_and_namespaces_do_not_share_epochs(store: Store, runner: psycopg.Connection[Any]) -> None:
    ahead = 9_000_000_000_000
    runner.execute("INSERT INTO headrace.epochs VALUES ('headrace', 'etl', 'film-dim', %s)", (ahead,))
    for key in (("other", "etl", "film-dim"), ("headrace", "other", "film-dim"), ("headrace", "etl", "other")):
        assert await store.draw_epoch(*key) < ahead
