"""A film catalogue to play with: 200,000 films with their genres and people, made inside the server in seconds."""

from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg import Connection, sql
from psycopg.conninfo import make_conninfo

FILMS = 200_000
_GENRES = (
    "Action", "Adventure", "Animation", "Biography", "Comedy", "Crime", "Documentary", "Drama", "Family", "Fantasy",
    "Game-Show", "History", "Horror", "Music", "Musical", "Mystery", "News", "Reality-TV", "Romance", "Sci-Fi",
    "Short", "Sport", "Talk-Show", "Thriller", "War", "Western",
)  # fmt: skip
_ADJECTIVES = (
    "Silent", "Crimson", "Hidden", "Last", "Broken", "Golden", "Distant", "Frozen", "Burning", "Forgotten", "Hollow",
    "Restless", "Paper", "Iron", "Midnight", "Blue", "Wandering", "Secret", "Lonely", "Electric", "Savage", "Gentle",
    "Invisible", "Painted", "Northern", "Second", "Stolen", "Quiet", "Wild", "Glass", "Final", "Scarlet", "Endless",
    "Borrowed", "Perfect", "Sleeping", "Velvet", "Bitter", "Rising", "Ordinary",
)  # fmt: skip
_NOUNS = (
    "River", "Lantern", "Garden", "Harbour", "Summer", "Mountain", "Letter", "Orchard", "Empire", "Station", "Winter",
    "Dancer", "Island", "Detective", "Stranger", "Mirror", "Horizon", "Captain", "Daughter", "Bridge", "Forest",
    "Promise", "Shadow", "Clock", "Carnival", "Lighthouse", "Witness", "Kingdom", "Machine", "Storm", "Tide", "Voyage",
    "Waltz", "Window", "Thief", "Teacher", "Astronaut", "Piano", "Desert", "Valley",
)  # fmt: skip
_FIRST_NAMES = (
    "Ada", "Boris", "Chiara", "Daniel", "Elena", "Farid", "Greta", "Hiro", "Ingrid", "Jamal", "Katya", "Luis", "Mei",
    "Nadia", "Oskar", "Priya", "Quentin", "Rosa", "Sven", "Tamar", "Umar", "Vera", "Wim", "Ximena", "Yusuf", "Zoe",
)  # fmt: skip
_LAST_NAMES = (
    "Almeida", "Bergman", "Castillo", "Dubois", "Eriksen", "Fontaine", "Gruber", "Haddad", "Ivanova", "Jansen",
    "Kowalski", "Lindqvist", "Moreau", "Nakamura", "Okafor", "Petrov", "Quist", "Rossi", "Sato", "Tanaka", "Ueda",
    "Varga", "Weiss", "Xu", "Yilmaz", "Zhang",
)  # fmt: skip

_TABLES: LiteralString = """
CREATE SCHEMA IF NOT EXISTS content;
-- Each call of `change` takes a number, so that no film is made twice.
CREATE SEQUENCE content.changes;
CREATE TABLE content.film_work (
    id uuid NOT NULL, title text NOT NULL, description text, creation_date date, rating numeric(3, 1),
    type text NOT NULL, created timestamptz NOT NULL DEFAULT now(), modified timestamptz NOT NULL DEFAULT now());
CREATE TABLE content.genre (id uuid PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE content.person (id uuid PRIMARY KEY, full_name text NOT NULL);
CREATE TABLE content.genre_film_work (film_work_id uuid NOT NULL, genre_id uuid NOT NULL);
CREATE TABLE content.person_film_work (film_work_id uuid NOT NULL, person_id uuid NOT NULL, role text NOT NULL);
"""

_CONSTRAINTS: LiteralString = """
ALTER TABLE content.film_work ADD PRIMARY KEY (id);
ALTER TABLE content.genre_film_work ADD PRIMARY KEY (film_work_id, genre_id);
ALTER TABLE content.person_film_work ADD PRIMARY KEY (film_work_id, person_id, role);
CREATE INDEX ON content.film_work (modified, id);
CREATE FUNCTION content.touch() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.modified := greatest(now(), OLD.modified + interval '1 microsecond'); RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE UPDATE ON content.film_work FOR EACH ROW EXECUTE FUNCTION content.touch();
"""

_GENRE_ROWS: LiteralString = """
INSERT INTO content.genre SELECT md5('genre' || name)::uuid, name FROM unnest(%(genres)s::text[]) AS name
"""
_PERSON_ROWS: LiteralString = """
INSERT INTO content.person
SELECT md5('person' || n)::uuid,
       (%(first)s::text[])[1 + n %% 26] || ' ' || (%(last)s::text[])[1 + n / 26 %% 26]
FROM generate_series(0, %(people)s - 1) AS n
"""
# h spreads: neighbours in the series get different words, the same on every machine.
_FILM_ROWS: LiteralString = """
INSERT INTO content.film_work (id, title, description, creation_date, rating, type, created, modified)
SELECT md5('film' || n)::uuid,
       CASE h / 64000 %% 5 WHEN 0 THEN 'The ' || a || ' ' || b WHEN 1 THEN a || ' ' || b
                   WHEN 2 THEN 'Return of the ' || a || ' ' || b WHEN 3 THEN 'The ' || b || ' of the ' || c
                   ELSE 'The ' || a || ' ' || b || ' and the ' || c END
           || CASE WHEN h %% 23 = 0 THEN ' II' ELSE '' END,
       CASE WHEN h %% 7 > 0 THEN 'The story of a ' || lower(a) || ' ' || lower(b) || ' and of the ' || lower(c)
            || ' that changed everything.' END,
       CASE WHEN h %% 11 > 0 THEN date '1950-01-01' + h %% 27700 END,
       CASE WHEN h %% 13 > 0 THEN (10 + h %% 90) / 10.0 END,
       CASE WHEN h %% 6 = 0 THEN 'tv_show' ELSE 'movie' END,
       {created}, {created}
FROM generate_series(%(from)s::bigint, %(to)s::bigint) AS n,
     LATERAL (SELECT abs(hashint8(n) / 2) AS h) AS spread,
     LATERAL (SELECT (%(adjectives)s::text[])[1 + h %% 40] AS a, (%(nouns)s::text[])[1 + h / 40 %% 40] AS b,
                     (%(nouns)s::text[])[1 + h / 1600 %% 40] AS c) AS words
ORDER BY 1
"""
_GENRES_OF_FILMS: LiteralString = """
INSERT INTO content.genre_film_work
SELECT DISTINCT md5('film' || n)::uuid,
       md5('genre' || (%(genres)s::text[])[1 + ((n * 7 + k * (1 + n %% 5)) %% 26)::int])::uuid
FROM generate_series(%(from)s::bigint, %(to)s::bigint) AS n, generate_series(0, n %% 2) AS k
ORDER BY 1
"""
_PEOPLE_OF_FILMS: LiteralString = """
INSERT INTO content.person_film_work
SELECT md5('film' || n)::uuid, md5('person' || (n * 31 + k * 101) %% %(people)s)::uuid,
       (array['director', 'actor', 'actor'])[1 + k]
FROM generate_series(%(from)s::bigint, %(to)s::bigint) AS n, generate_series(0, n %% 3) AS k
ORDER BY 1
"""
_OLD: LiteralString = "timestamptz '2026-01-01 00:00:00+00' + n * interval '10 seconds'"
_PEOPLE = 5_000


@dataclass(frozen=True, slots=True)
class Changes:
    """What `change` did."""

    updated: int
    inserted: int
    deleted: int


def load_films(admin_dsn: str) -> int:
    """Makes the catalogue in the source database of a local cluster; returns the number of films there are."""
    return create(source_of(admin_dsn))


def source_of(admin_dsn: str) -> str:
    """The superuser's DSN for the source database."""
    return make_conninfo(admin_dsn, dbname="source")


def create(dsn: str, films: int = FILMS) -> int:
    """Makes the catalogue in schema `content`, in one transaction; one that is there is left as it is.

    Returns the number of films there are.
    """
    with psycopg.connect(dsn) as connection:
        # Two at once: the second waits, and finds it made.
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('headrace film catalogue'))")
        exists = connection.execute("SELECT to_regclass('content.film_work') IS NOT NULL").fetchone()
        if exists != (True,):
            connection.execute(_TABLES)
            _fill(connection, films)
            connection.execute(_CONSTRAINTS)
        count = _count(connection)
    # Outside of the transaction: the first query then has statistics, whenever autovacuum comes by.
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("ANALYZE content.film_work, content.genre_film_work, content.person_film_work")
    return count


def change(dsn: str, *, updates: int = 1_000, inserts: int = 500, deletes: int = 0) -> Changes:
    """Changes the ratings of some films, adds new ones and removes some; the server sets `modified`."""
    with psycopg.connect(dsn) as connection:
        updated = connection.execute(
            "UPDATE content.film_work SET rating = CASE WHEN rating < 9 THEN rating + 1 ELSE 1 END WHERE id IN"
            " (SELECT id FROM content.film_work ORDER BY md5(id::text) LIMIT %s)",
            (updates,),
        ).rowcount
        if inserts:
            (number,) = connection.execute("SELECT nextval('content.changes')").fetchone() or (1,)
            _insert_films(connection, number * 1_000_000 + 1, inserts, created="now()")
        deleted = connection.execute(
            "DELETE FROM content.film_work WHERE id IN (SELECT id FROM content.film_work ORDER BY id LIMIT %s)",
            (deletes,),
        ).rowcount
    return Changes(updated=updated, inserted=inserts, deleted=deleted)


def rename(dsn: str, title: str) -> str:
    """Gives one film this title; returns the one that it had."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT id, title FROM content.film_work ORDER BY id LIMIT 1").fetchone()
        assert row
        connection.execute("UPDATE content.film_work SET title = %s WHERE id = %s", (title, row[0]))
    return str(row[1])


def _fill(connection: Connection[tuple[Any, ...]], films: int) -> None:
    connection.execute(_GENRE_ROWS, {"genres": list(_GENRES)})
    connection.execute(_PERSON_ROWS, {"first": list(_FIRST_NAMES), "last": list(_LAST_NAMES), "people": _PEOPLE})
    _insert_films(connection, 1, films, created=_OLD)


def _insert_films(connection: Connection[tuple[Any, ...]], first: int, films: int, *, created: LiteralString) -> None:
    values = {
        "from": first,
        "to": first + films - 1,
        "adjectives": list(_ADJECTIVES),
        "nouns": list(_NOUNS),
        "genres": list(_GENRES),
        "people": _PEOPLE,
    }
    connection.execute(sql.SQL(_FILM_ROWS).format(created=sql.SQL(created)), values)
    connection.execute(_GENRES_OF_FILMS, values)
    connection.execute(_PEOPLE_OF_FILMS, values)


def _count(connection: Connection[tuple[Any, ...]]) -> int:
    row = connection.execute("SELECT count(*) FROM content.film_work").fetchone()
    return int(row[0]) if row else 0
