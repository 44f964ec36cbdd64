"""Row level security on the source: a role that would see only some rows gets no run that takes the others for gone."""

import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo

QUERY = "SELECT * FROM shop.orders"
WHOLE = {"source_table": "shop.orders"}
INCREMENTAL = {"mode": "incremental", "incremental_key": "id"}
OPTED_IN = "-c row_security=on"
HIDDEN = "row level security applies to the source's role"
REMEDY = (
    "let it see all rows (BYPASSRLS, or the table's owner), or, if those that it sees are all that is meant, set"
    ' row_security: "on" in the source\'s options'
)


class Shop:
    """A source whose table has a policy, and a role that it shows two rows of three."""

    def __init__(self, rig: Any) -> None:
        self.rig = rig
        self.role = f"r_{uuid.uuid4().hex[:8]}"
        rig.on_source(
            f"CREATE ROLE {self.role} LOGIN PASSWORD 'reader'",
            "CREATE SCHEMA shop",
            "CREATE TABLE shop.orders (id int PRIMARY KEY, tenant text)",
            "INSERT INTO shop.orders VALUES (1, 'a'), (2, 'b'), (3, 'b')",
            "CREATE VIEW shop.paid AS SELECT * FROM shop.orders",
            f"GRANT USAGE ON SCHEMA shop TO {self.role}",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA shop TO {self.role}",
            "CREATE POLICY tenants ON shop.orders USING (tenant = 'b')",
        )
        self.dsn = make_conninfo(rig.source, user=self.role, password="reader")

    def protect(self) -> None:
        """What an administrator does one day."""
        self.rig.on_source("ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY")

    def run(self, query: str = QUERY, *, options: str = "", dsn: str = "", **fields: Any) -> Any:
        """A run as that role."""
        dsn = make_conninfo(dsn or self.dsn, **({"options": options} if options else {}))
        return self.rig.run(self.rig.spec(query, **fields), source_dsn=dsn)

    def remove(self) -> None:
        """Roles are the server's."""
        self.rig.on_source(
            f"REASSIGN OWNED BY {self.role} TO CURRENT_USER", f"DROP OWNED BY {self.role}", f"DROP ROLE {self.role}"
        )


@pytest.fixture
def shop(rig: Any) -> Iterator[Shop]:
    made = Shop(rig)
    yield made
    made.remove()


def in_target(rig: Any) -> list[int]:
    return [number for (number,) in rig.on_target("SELECT id FROM analytics.copy ORDER BY id")]


@pytest.mark.parametrize("fields", [{}, WHOLE, INCREMENTAL], ids=["query", "table", "incremental"])
def test_a_policy_that_hides_rows_fails_the_run_and_deletes_nothing(rig, shop, fields):
    assert shop.run(**fields).code == 0
    shop.protect()
    ended = shop.run(**fields)
    assert (ended.code, ended.outcome) == (64, "FAILED")
    said = f'{HIDDEN} (query would be affected by row-level security policy for table "orders"): {REMEDY}'
    begins = "The source_table 'shop.orders' can't be read in full: " if fields == WHOLE else "The source: "
    assert ended.message == f"{begins}{said}"
    assert in_target(rig) == [1, 2, 3]


def test_a_policy_that_hides_nothing_is_one_too(rig, shop):
    shop.protect()
    rig.on_source("ALTER POLICY tenants ON shop.orders USING (true)")
    assert HIDDEN in shop.run().message


@pytest.mark.parametrize("fields", [{}, WHOLE, INCREMENTAL], ids=["query", "table", "incremental"])
def test_whoever_means_the_rows_that_the_role_sees_says_so(rig, shop, fields):
    shop.protect()
    assert shop.run(options=OPTED_IN, **fields).code == 0
    assert in_target(rig) == [2, 3]


SEE_ALL = {
    "a superuser": "ALTER ROLE {role} SUPERUSER",
    "BYPASSRLS": "ALTER ROLE {role} BYPASSRLS",
    "the owner": "ALTER TABLE shop.orders OWNER TO {role}",
}


@pytest.mark.parametrize("options", ["", OPTED_IN], ids=["as it is", "opted in"])
@pytest.mark.parametrize("case", SEE_ALL)
def test_whoever_sees_all_rows_reads_them(rig, shop, case, options):
    shop.protect()
    rig.on_source(SEE_ALL[case].format(role=shop.role))
    assert shop.run(options=options).code == 0
    assert in_target(rig) == [1, 2, 3]


def test_an_owner_who_is_not_spared_is_told_how(rig, shop):
    shop.protect()
    rig.on_source("ALTER TABLE shop.orders FORCE ROW LEVEL SECURITY", SEE_ALL["the owner"].format(role=shop.role))
    assert "NO FORCE ROW LEVEL SECURITY" in shop.run().message


def test_a_view_reads_with_its_owners_rights(rig, shop):
    shop.protect()
    assert shop.run("SELECT * FROM shop.paid").code == 0
    rig.on_source(f"GRANT USAGE ON SCHEMA shop TO {shop.role}", f"ALTER VIEW shop.paid OWNER TO {shop.role}")
    assert HIDDEN in shop.run("SELECT * FROM shop.paid").message


def test_what_is_compared_is_all_rows_too(shop):
    assert shop.run().code == 0
    shop.protect()
    assert HIDDEN in shop.run(kind="Reconcile").message
    assert shop.run(kind="Reconcile", options=OPTED_IN).result["source_count"] == 2


@pytest.mark.parametrize("fields", [{}, WHOLE], ids=["query", "table"])
def test_a_preview_says_it_before_there_is_a_pipeline(shop, fields):
    shop.protect()
    look = {"kind": "Preview", "preview_rows": 5, **fields}
    assert HIDDEN in shop.run(**look).message
    assert shop.run(options=OPTED_IN, **look).result["rows"] == [["2", "b"], ["3", "b"]]


def test_the_list_of_tables_says_it_of_each(shop):
    shop.protect()

    def told(**changes: str) -> tuple[bool, str]:
        found = shop.run("", table=".", kind="Preview", **changes).result["tables"]
        (table,) = [each for each in found if each["name"] == "orders"]
        return table["readable"], table["note"]

    readable, note = told()
    assert not readable
    assert re.match(r"Row level security may hide rows .*: a run fails, unless .* row_security: \"on\"$", note)
    readable, note = told(options=OPTED_IN)
    assert readable
    assert note == "Row level security may hide rows from the source's role: a run does without them"


def test_a_function_that_meets_a_policy_says_so_too(rig, shop):
    rig.on_source(
        "CREATE FUNCTION shop.total() RETURNS bigint LANGUAGE plpgsql AS"
        " $$ BEGIN RETURN (SELECT count(*) FROM shop.orders); END $$"
    )
    shop.protect()
    query = "SELECT 1 AS id, shop.total() AS total"
    assert HIDDEN in shop.run(query).message
    assert HIDDEN in shop.run(query, kind="Preview", preview_rows=1).message
