"""A full run leaves in the target just what the query gives."""

import time

import pytest

FILMS = "SELECT id, title, rating FROM films"
CHANGES = {
    "nothing": ([], 0),
    "a row is new": (["INSERT INTO films VALUES (md5('new')::uuid, 'New', 1)"], 1),
    "rows changed": (["UPDATE films SET title = title || '!' WHERE rating = 5"], 10),
    "a value became null": (["UPDATE films SET rating = NULL WHERE rating = 5"], 10),
    "a value is equal but for its digits": (["UPDATE films SET rating = 5.00 WHERE rating = 5"], 10),
    "the first row is gone": (["DELETE FROM films WHERE id = (SELECT id FROM films ORDER BY id LIMIT 1)"], 1),
    "the last row is gone": (["DELETE FROM films WHERE id = (SELECT id FROM films ORDER BY id DESC LIMIT 1)"], 1),
    "half of the rows are gone": (["DELETE FROM films WHERE rating < 5"], 500),
    "a whole batch is gone": (
        ["DELETE FROM films WHERE id IN (SELECT id FROM films ORDER BY id OFFSET 95 LIMIT 250)"],
        250,
    ),
    "keys changed": (["UPDATE films SET id = md5(id::text)::uuid WHERE rating = 5"], 20),
}


@pytest.fixture
def films(rig):
    rig.on_source(
        "CREATE TABLE films (id uuid PRIMARY KEY, title text NOT NULL, rating numeric)",
        """INSERT INTO films SELECT md5(n::text)::uuid, 'Film ' || n, (n % 100) / 10.0
           FROM generate_series(0, 999) AS n""",
    )
    return rig


def test_a_missing_target_is_created_with_the_key_of_the_sources_table(films):
    ended = films.load(FILMS)
    films.assert_same(FILMS)
    assert (ended.rows_read, ended.rows_written, ended.batches) == (1000, 1000, 10)
    key = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'analytics.copy'::regclass"
    assert films.on_target(f"{key} AND contype = 'p'") == [("PRIMARY KEY (id)",)]


@pytest.mark.parametrize("change", CHANGES)
def test_a_later_run_writes_what_changed_and_nothing_else(films, change):
    statements, written = CHANGES[change]
    films.load(FILMS)
    films.on_source(*statements, "SELECT 1")
    ended = films.load(FILMS)
    films.assert_same(FILMS)
    assert ended.rows_written == written


def test_an_unchanged_row_is_the_same_row_version(films):
    films.load(FILMS)
    before = films.on_target("SELECT sum(xmin::text::int8) FROM analytics.copy")
    films.load(FILMS)
    assert films.on_target("SELECT sum(xmin::text::int8) FROM analytics.copy") == before


def test_rows_that_were_in_the_target_before_and_not_in_the_query_are_deleted(films):
    films.load(FILMS)
    films.on_target("INSERT INTO analytics.copy SELECT md5('x' || n)::uuid, 'x', n FROM generate_series(1, 300) AS n")
    assert films.load(FILMS).rows_written == 300
    films.assert_same(FILMS)


def test_without_prune_rows_stay(films):
    films.load(FILMS)
    films.on_source("DELETE FROM films WHERE rating < 5")
    assert films.load(FILMS, prune=False).rows_written == 0
    assert films.on_target("SELECT count(*) FROM analytics.copy") == [(1000,)]


def test_a_query_that_gives_nothing_does_not_empty_the_target(films):
    films.load(FILMS)
    ended = films.run(films.spec(f"{FILMS} WHERE false"))
    assert (ended.code, ended.outcome) == (64, "FAILED")
    assert "gave no row" in ended.message
    assert films.on_target("SELECT count(*) FROM analytics.copy") == [(1000,)]


def test_a_query_that_gives_nothing_empties_the_target_with_allow_empty(films):
    films.load(FILMS)
    ended = films.load(f"{FILMS} WHERE false", allow_empty=True)
    assert (ended.rows_read, ended.rows_written) == (0, 1000)
    films.assert_same(f"{FILMS} WHERE false")


def test_a_query_that_gives_nothing_may_fill_an_empty_target(films):
    assert films.load(f"{FILMS} WHERE false").rows_written == 0


def test_columns_are_matched_by_name_and_others_are_left_alone(films):
    films.on_target(
        "CREATE SCHEMA analytics",
        """CREATE TABLE analytics.copy (rating float8, made timestamptz NOT NULL DEFAULT now(), "Title" text,
                                        title varchar(50),
                                        serial int GENERATED ALWAYS AS IDENTITY, id uuid PRIMARY KEY)""",
    )
    films.load(FILMS)
    assert films.on_target('SELECT count(*), count(made), count(serial), count("Title") FROM analytics.copy') == [
        (1000, 1000, 1000, 0)
    ]
    assert films.on_target("SELECT rating, title FROM analytics.copy WHERE title = 'Film 15'") == [(1.5, "Film 15")]


@pytest.mark.parametrize(
    "query",
    [
        f"{FILMS} -- a comment",
        f"{FILMS};",
        f"{FILMS} ; \n",
        f"{FILMS} /* a comment */",
        f"{FILMS} WHERE title LIKE 'Film%'",
        'SELECT id, title, rating, 5 % 3 AS "100%" FROM films',
        'SELECT id, title, rating, \'%(name)s %s {} \\\' AS "it""s" FROM films',
        "WITH f AS (SELECT * FROM films) SELECT id, title, rating FROM f ORDER BY rating",
        "SELECT id, title, row_number() OVER (ORDER BY id) AS rating FROM films ORDER BY 3 DESC LIMIT 500",
        "SELECT id, string_agg(title, ',') AS title, max(rating) AS rating FROM films GROUP BY id",
        "SELECT id, title, rating, E'tab\\there\\nline\\\\' AS odd, ''::text AS empty, NULL::text AS none FROM films",
    ],
)
def test_any_select_is_a_query(films, query):
    films.load(query, key_columns=("id",))
    films.assert_same(query)
    assert films.load(query, key_columns=("id",)).rows_written == 0


def test_a_batch_ends_after_so_many_bytes_too(films):
    ended = films.load(FILMS, batch_size=1_000_000, batch_bytes=10_000)
    films.assert_same(FILMS)
    assert 4 < ended.batches < 20


def test_a_batch_size_of_one(films):
    query = f"{FILMS} WHERE rating < 0.5"
    assert films.load(query, batch_size=1).batches == 50
    films.assert_same(query)


def test_a_long_read_goes_on_in_a_new_snapshot(films):
    ended = films.load(FILMS, snapshot_seconds=0.0)
    films.assert_same(FILMS)
    assert (ended.rows_read, ended.rows_written, ended.batches) == (1000, 1000, 10)


def test_rows_per_second_are_bounded(films):
    started = time.monotonic()
    films.load(f"{FILMS} WHERE rating < 1", max_rows_per_second=100)
    assert 0.9 < time.monotonic() - started < 5


def test_a_target_without_an_index_in_byte_order_is_pruned_at_the_end_and_a_note_says_so(films):
    query = "SELECT id::text AS id, title, rating FROM films"
    films.on_target(
        "CREATE SCHEMA analytics",
        "CREATE COLLATION other (locale = 'C.UTF-8')",
        "CREATE TABLE analytics.copy (id text COLLATE other PRIMARY KEY, title text, rating numeric)",
        "INSERT INTO analytics.copy SELECT 'x' || n, 'x', n FROM generate_series(1, 300) AS n",
    )
    ended = films.load(query)
    films.assert_same(query)
    assert ended.rows_written == 1300
    assert 'CREATE INDEX CONCURRENTLY ON "analytics"."copy" ("id" COLLATE "C")' in ended.notes["PruneWithoutIndex"]
    films.on_source("DELETE FROM films WHERE rating < 5")
    assert films.load(query).rows_written == 500
    films.assert_same(query)
    films.on_target(
        'CREATE INDEX ON analytics.copy (id COLLATE "C")', "INSERT INTO analytics.copy VALUES ('0', 'x', 1)"
    )
    ended = films.load(query)
    films.assert_same(query)
    assert (ended.rows_written, ended.notes) == (1, {})


def test_many_pipelines_may_create_one_schema_at_once(films):
    specs = [films.spec(FILMS, f"analytics.copy{n}", pipeline_name=f"films{n}") for n in range(4)]
    processes = [films.spawn(spec) for spec in specs]
    assert [films.wait(process, spec).code for process, spec in zip(processes, specs, strict=True)] == [0] * 4


def test_a_server_without_merge_writes_the_same_rows(films, monkeypatch):
    from headrace_runner.targets.postgres import upsert

    monkeypatch.setattr(upsert, "MERGE_SINCE", 10**9)
    films.load(FILMS)
    films.on_source("UPDATE films SET title = 'x' WHERE rating = 5", "DELETE FROM films WHERE rating = 6")
    assert films.load(FILMS).rows_written == 20
    films.assert_same(FILMS)


def test_a_table_of_keys_only(films):
    films.load("SELECT id FROM films")
    assert films.load("SELECT id FROM films").rows_written == 0
    films.assert_same("SELECT id FROM films")
