"""A full run leaves in the target just what the query gives."""

from typing import Any

FILMS = "SELECT id, title, rating FROM films"


def make_films(rig: Any, count: int = 1000) -> None:
    rig.on_source(
        "CREATE TABLE films (id uuid PRIMARY KEY, title text NOT NULL, rating numeric(3,1))",
        f"""INSERT INTO films SELECT md5(n::text)::uuid, 'Film ' || n, (n % 100) / 10.0
            FROM generate_series(1, {count}) AS n""",
    )


def test_a_missing_target_is_created_with_the_sources_key(rig: Any) -> None:
    make_films(rig)
    ended = rig.load(FILMS)
    rig.assert_same(FILMS)
    assert (ended.rows_read, ended.rows_written, ended.batches) == (1000, 1000, 10)


def test_as_a_process(rig: Any) -> None:
    make_films(rig)
    spec = rig.spec(FILMS)
    ended = rig.wait(rig.spawn(spec), spec)
    assert (ended.code, ended.outcome) == (0, "DONE"), ended
    rig.assert_same(FILMS)


def test_inc(rig: Any) -> None:
    make_films(rig)
    rig.on_source(
        "ALTER TABLE films ADD at timestamptz",
        "UPDATE films SET at = '2026-01-01'::timestamptz + rating * interval '1 day'",
    )
    q = "SELECT id, title, at FROM films"
    e = rig.load(q, mode="incremental", incremental_key="at")
    rig.assert_same(q)
    print(e)
    e = rig.load(q, mode="incremental", incremental_key="at")
    print(e)
    assert e.rows_read == 0
    rig.on_source("UPDATE films SET title = 'x', at = now() WHERE rating = 3")
    e = rig.load(q, mode="incremental", incremental_key="at")
    print(e)
    rig.assert_same(q)
