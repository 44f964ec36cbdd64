"""Two servers that order the same keys differently: no row that was written may be taken for one that left."""

import uuid

import psycopg
import pytest
from psycopg.conninfo import make_conninfo


def test_an_enum_with_its_labels_in_another_order(rig):
    rig.on_source("CREATE TYPE mood AS ENUM ('a', 'b', 'c', 'd')", "CREATE TABLE rows (k mood PRIMARY KEY, v text)")
    rig.on_source("INSERT INTO rows VALUES ('a', '1'), ('b', '2'), ('c', '3')")
    rig.on_target("CREATE TYPE mood AS ENUM ('d', 'c', 'b', 'a')", "CREATE SCHEMA analytics")
    rig.on_target("CREATE TABLE analytics.copy (k mood PRIMARY KEY, v text)")
    rig.on_target("INSERT INTO analytics.copy VALUES ('d', 'left'), ('b', 'old')")
    ended = rig.load("SELECT * FROM rows", batch_size=1)
    rig.assert_same("SELECT * FROM rows")
    assert "PruneWithoutIndex" not in ended.notes


@pytest.fixture
def cyrillic(server, rig):
    """A rig whose source stores text in another encoding than its target."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'KOI8R' LOCALE 'C'")
    yield type(rig)(make_conninfo(server.dsn(name), client_encoding="UTF8"), rig.target, rig.store)
    server.drop_database(name)


def test_text_in_another_encoding(cyrillic):
    # KOI8-R has its 32 small letters at 192 to 223, in the order of the Latin alphabet.
    cyrillic.on_source("CREATE TABLE rows (k text PRIMARY KEY, v text)")
    cyrillic.on_source("INSERT INTO rows SELECT chr(n), 'v' FROM generate_series(192, 223) AS n")
    cyrillic.on_target(
        "CREATE SCHEMA analytics", 'CREATE TABLE analytics.copy (k text COLLATE "C" PRIMARY KEY, v text)'
    )
    cyrillic.on_target("INSERT INTO analytics.copy VALUES ('ж', 'left')")
    cyrillic.load("SELECT * FROM rows", batch_size=1)
    assert cyrillic.on_target("SELECT count(*) FROM analytics.copy WHERE v = 'v'") == [(32,)]
    assert cyrillic.on_target("SELECT count(*) FROM analytics.copy") == [(32,)]


def test_jsonb_orders_its_strings_by_the_database(rig):
    rig.on_source("CREATE TABLE rows (k jsonb PRIMARY KEY, v text)", """INSERT INTO rows VALUES ('"a"'), ('"B"')""")
    rig.on_target("CREATE SCHEMA analytics", "CREATE TABLE analytics.copy (k jsonb PRIMARY KEY, v text)")
    ended = rig.load("SELECT * FROM rows", batch_size=1)
    assert "PruneWithoutIndex" not in ended.notes
    rig.assert_same("SELECT * FROM rows")
