"""The film catalogue: the same everywhere, made once, and changed as the demo needs it."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from headrace_local import films
from headrace_local.demo import contents

FILMS = 2_000
TABLES = ("film_work", "genre", "person", "genre_film_work", "person_film_work")


@pytest.fixture
def catalogue(database):
    films.create(database, FILMS)
    return database


def all_of(dsn):
    return [contents.of_table(dsn, f"content.{table}") for table in TABLES]


def one(dsn, query):
    with psycopg.connect(dsn) as connection:
        return connection.execute(query).fetchone()[0]


def test_it_is_the_same_in_every_database(server, catalogue):
    other = server.create_database()
    try:
        films.create(server.dsn(other), FILMS)
        assert all_of(server.dsn(other)) == all_of(catalogue)
    finally:
        server.drop_database(other)


def test_every_film_has_a_title_a_genre_and_a_director(catalogue):
    assert one(catalogue, "SELECT count(*) FROM content.film_work") == FILMS
    for table in ("genre_film_work", "person_film_work"):
        assert one(catalogue, f"SELECT count(DISTINCT film_work_id) FROM content.{table}") == FILMS
    assert one(catalogue, "SELECT count(*) FROM content.film_work WHERE title !~ '^[A-Z][a-z]+ ([A-Za-z ]+)$'") == 0
    assert one(catalogue, "SELECT count(DISTINCT title) FROM content.film_work") > FILMS * 0.8


def test_making_it_again_changes_nothing(catalogue):
    before = all_of(catalogue)
    assert films.create(catalogue, FILMS * 2) == FILMS
    assert all_of(catalogue) == before


def test_two_who_make_it_at_once_make_it_once(database):
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: films.create(database, FILMS), range(4)))
    assert made == [FILMS] * 4


def test_changes_are_as_many_as_asked_for_and_move_modified(catalogue):
    newest = one(catalogue, "SELECT max(modified) FROM content.film_work")
    changes = films.change(catalogue, updates=30, inserts=20, deletes=10)
    assert changes == films.Changes(updated=30, inserted=20, deleted=10)
    assert one(catalogue, "SELECT count(*) FROM content.film_work") == FILMS + 10
    with psycopg.connect(catalogue) as connection:
        query = "SELECT count(*) FROM content.film_work WHERE modified > %s"
        (moved,) = connection.execute(query, (newest,)).fetchone()
    # A film that was deleted may be one of those that had been changed.
    assert 40 <= moved <= 50
    assert films.change(catalogue, updates=1, inserts=20).inserted == 20
