"""What a run finds out about its source's role: whether it could write, and by which right."""

import time
import uuid

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from headrace.names import SOURCE_COULD_WRITE, SOURCE_ONLY_READS, SOURCE_RIGHTS_UNKNOWN
from headrace_runner.sources.postgres.role import LIMIT_MS, note_on_role

READS = (
    "GRANT USAGE ON SCHEMA shop TO {role}",
    "GRANT SELECT ON ALL TABLES IN SCHEMA shop TO {role}",
)
RIGHTS = {
    "superuser": (["ALTER ROLE {role} SUPERUSER"], "it is a superuser"),
    "member of a superuser": (
        ["ALTER ROLE {group} SUPERUSER", "GRANT {group} TO {role}"],
        "it is a member of {group}, a superuser",
    ),
    "makes roles": (["ALTER ROLE {role} CREATEROLE"], "it is one that may make roles"),
    "makes databases": (["ALTER ROLE {role} CREATEDB"], "it is one that may make databases"),
    "writes all": (["GRANT pg_write_all_data TO {role}"], "it is a member of pg_write_all_data"),
    "runs programs": (["GRANT pg_execute_server_program TO {role}"], "it is a member of pg_execute_server_program"),
    "owner of the database": (["ALTER DATABASE {database} OWNER TO {role}"], "it owns the database"),
    "database": (["GRANT CREATE ON DATABASE {database} TO {role}"], "it has CREATE on the database"),
    "owner of a schema": (["ALTER SCHEMA shop OWNER TO {role}"], "it owns schema shop"),
    "schema": (["GRANT CREATE ON SCHEMA shop TO {role}"], "it has CREATE on schema shop"),
    "owner": (["ALTER TABLE shop.orders OWNER TO {role}"], "it owns shop.orders"),
    "insert": (["GRANT INSERT ON shop.orders TO {role}"], "it has INSERT on shop.orders"),
    "update": (["GRANT UPDATE ON shop.orders TO {role}"], "it has UPDATE on shop.orders"),
    "delete": (["GRANT DELETE ON shop.orders TO {role}"], "it has DELETE on shop.orders"),
    "truncate": (["GRANT TRUNCATE ON shop.orders TO {role}"], "it has TRUNCATE on shop.orders"),
    "a column": (["GRANT UPDATE (total) ON shop.orders TO {role}"], "it has UPDATE on total of shop.orders"),
    "a view": (["GRANT INSERT ON shop.paid TO {role}"], "it has INSERT on shop.paid"),
    "everybody": (["GRANT DELETE ON shop.orders TO PUBLIC"], "it has DELETE on shop.orders"),
    "inherited": (
        ["GRANT INSERT ON shop.orders TO {group}", "GRANT {group} TO {role}"],
        "it has INSERT on shop.orders",
    ),
    "only by SET ROLE": (
        ["ALTER ROLE {role} NOINHERIT", "GRANT INSERT ON shop.orders TO {group}", "GRANT {group} TO {role}"],
        "it has INSERT on shop.orders",
    ),
    "inherited through another": (
        ["ALTER TABLE shop.orders OWNER TO {group}", "GRANT {group} TO {other}", "GRANT {other} TO {role}"],
        "it owns shop.orders",
    ),
    "a name to quote": (
        ['CREATE TABLE shop."Odd ""one" (id int)', 'GRANT INSERT ON shop."Odd ""one" TO {role}'],
        'it has INSERT on shop."Odd ""one"',
    ),
}


class Shop:
    """A source with a role that can read it, and nothing more."""

    def __init__(self, rig):
        self.rig = rig
        self.names = {name: f"r_{uuid.uuid4().hex[:8]}" for name in ("role", "group", "other")}
        self.names["database"] = rig.on_source("SELECT current_database()")[0][0]
        roles = [f"CREATE ROLE {name}" for key, name in self.names.items() if key != "database"]
        self.run(
            *roles,
            "ALTER ROLE {role} LOGIN PASSWORD 'reader'",
            "CREATE SCHEMA shop",
            "CREATE TABLE shop.orders (id int PRIMARY KEY, total numeric)",
            "CREATE VIEW shop.paid AS SELECT * FROM shop.orders WHERE total > 0",
            "INSERT INTO shop.orders VALUES (1, 2)",
            *READS,
        )
        self.dsn = make_conninfo(rig.source, user=self.names["role"], password="reader")

    def run(self, *statements):
        for statement in statements:
            self.rig.on_source(statement.format(**self.names))

    def note(self):
        """What a run would note."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            return dict(note_on_role(connection))

    def remove(self):
        self.run(
            "ALTER DATABASE {database} OWNER TO CURRENT_USER",
            *(f"REASSIGN OWNED BY {{{key}}} TO CURRENT_USER" for key in ("role", "group", "other")),
            *(f"DROP OWNED BY {{{key}}}" for key in ("role", "group", "other")),
            "DROP ROLE {role}, {group}, {other}",
        )


def shop_in(rig):
    shop = Shop(rig)
    yield shop
    shop.remove()


@pytest.fixture
def shop(rig):
    yield from shop_in(rig)


def test_a_role_that_can_only_read_is_told_to_be_one(shop):
    assert shop.note() == {SOURCE_ONLY_READS: f"The source's role {shop.names['role']} can only read"}


@pytest.mark.parametrize(("statements", "example"), RIGHTS.values(), ids=RIGHTS.keys())
def test_a_right_to_write_is_found_and_named(shop, statements, example):
    shop.run(*statements)
    ((reason, text),) = shop.note().items()
    assert reason == SOURCE_COULD_WRITE
    assert text.startswith(f"The source's role {shop.names['role']} could write, for {example.format(**shop.names)};")
    assert "docs/security.md#database-roles" in text


@pytest.mark.parametrize("version", [13, 14])
def test_what_everybody_could_do_in_public_before_version_15_is_a_right_to_write(version, server_of, rig_between):
    """A new database of those versions has it: the `public` of the other tests is made anew."""
    server = server_of(version)
    for shop in shop_in(rig_between(server, server)):
        assert "it has CREATE on schema public;" in shop.note()[SOURCE_COULD_WRITE]
        shop.run("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        assert list(shop.note()) == [SOURCE_ONLY_READS]


@pytest.mark.parametrize("version", [13, 14, 15, 16, 17, 18])
def test_it_is_found_out_on_every_version(version, server_of, rig_on):
    for shop in shop_in(rig_on(server_of(version))):
        assert list(shop.note()) == [SOURCE_ONLY_READS]
        shop.run("GRANT INSERT ON shop.orders TO {group}", "GRANT {group} TO {role}")
        assert list(shop.note()) == [SOURCE_COULD_WRITE]


def test_a_run_tells_the_store_and_does_not_fail_for_it(rig, shop):
    reader = type(rig)(shop.dsn, rig.target, rig.store)
    ended = reader.load("SELECT * FROM shop.orders")
    assert (list(ended.role), ended.notes) == ([SOURCE_ONLY_READS], {})
    shop.run("GRANT DELETE ON shop.orders TO {role}")
    assert "DELETE on shop.orders" in reader.load("SELECT * FROM shop.orders").role[SOURCE_COULD_WRITE]


def test_a_run_that_fails_tells_it_too(rig):
    ended = rig.run(rig.spec("SELECT * FROM nowhere"))
    assert (ended.code, list(ended.role)) == (64, [SOURCE_COULD_WRITE])


def test_twenty_thousand_tables_are_looked_through_within_the_limit(shop):
    """The worst case: each has grants, of which none is a right to write, so that nothing ends the search."""
    shop.run(
        "DO $$ BEGIN FOR n IN 1..20000 LOOP EXECUTE format('CREATE TABLE shop.t%s (a int, b int, c int, d int)', n);"
        " IF n % 1000 = 0 THEN COMMIT; END IF; END LOOP; END $$",
        *READS,
    )
    with psycopg.connect(shop.dsn, autocommit=True) as connection:
        note_on_role(connection)
        began = time.monotonic()
        assert list(note_on_role(connection)) == [SOURCE_ONLY_READS]
        took = time.monotonic() - began
    assert took < LIMIT_MS / 1000, took
    shop.run(
        "DO $$ BEGIN FOR n IN 1..20000 LOOP EXECUTE format('DROP TABLE shop.t%s', n);"
        " IF n % 1000 = 0 THEN COMMIT; END IF; END LOOP; END $$"
    )


def test_what_can_not_be_found_out_in_time_is_not_waited_for(rig, shop):
    """A catalogue that is locked, as by a VACUUM FULL."""
    lock = sql.SQL("LOCK TABLE pg_catalog.pg_attribute IN ACCESS EXCLUSIVE MODE")
    with psycopg.connect(shop.dsn, autocommit=True) as connection:
        note_on_role(connection)
        with psycopg.connect(rig.source) as other:
            other.execute(lock)
            began = time.monotonic()
            assert list(note_on_role(connection)) == [SOURCE_RIGHTS_UNKNOWN]
            assert time.monotonic() - began < 5
        assert list(note_on_role(connection)) == [SOURCE_ONLY_READS]
        assert connection.execute("SELECT current_setting('statement_timeout')").fetchone() == ("0",)
