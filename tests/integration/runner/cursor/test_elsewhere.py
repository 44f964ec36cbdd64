"""Sources whose rows are committed elsewhere: there is nothing to wait for, so the promise is the lookback."""

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

QUERY = "SELECT id, at FROM rows"
FIELDS = {"mode": "incremental", "incremental_key": "at"}
TABLE = "CREATE TABLE rows (id int PRIMARY KEY, at timestamptz DEFAULT clock_timestamp())"


@pytest.fixture
def foreign(debian_rig):
    """A view over a foreign table; the rows are in the target's database, in another schema."""
    way = conninfo_to_dict(debian_rig.target)
    debian_rig.on_target("CREATE SCHEMA shop", TABLE.replace("rows", "shop.rows"))
    debian_rig.on_source(
        "CREATE EXTENSION postgres_fdw",
        f"CREATE SERVER there FOREIGN DATA WRAPPER postgres_fdw"
        f" OPTIONS (host '{way['host']}', port '{way['port']}', dbname '{way['dbname']}')",
        f"CREATE USER MAPPING FOR CURRENT_USER SERVER there"
        f" OPTIONS (user '{way['user']}', password '{way['password']}')",
        "CREATE FOREIGN TABLE theirs (id int, at timestamptz) SERVER there"
        " OPTIONS (schema_name 'shop', table_name 'rows')",
        "CREATE VIEW rows AS SELECT * FROM theirs",
    )
    return debian_rig


@pytest.mark.debian_postgres
def test_a_full_run_reads_foreign_tables(foreign):
    foreign.on_target("INSERT INTO shop.rows SELECT n FROM generate_series(1, 500) AS n")
    assert foreign.load(QUERY, key_columns=("id",)).notes == {}
    foreign.assert_same(QUERY)


@pytest.mark.debian_postgres
def test_an_incremental_run_of_foreign_tables_looks_back(foreign):
    fields = {**FIELDS, "key_columns": ("id",)}
    with psycopg.connect(foreign.target) as late:
        late.execute("INSERT INTO shop.rows VALUES (1)")
        foreign.on_target("INSERT INTO shop.rows VALUES (2)")
        assert "foreign tables" in foreign.load(QUERY, **fields).notes["LookbackOnly"]
    foreign.load(QUERY, **fields)
    foreign.assert_same(QUERY)


def test_an_incremental_run_of_subscribed_tables_looks_back(rig):
    """What the publisher committed out of order arrives here in the order of commits: nothing is in progress then."""
    rig.on_target(TABLE, "CREATE PUBLICATION rows FOR TABLE rows")
    rig.on_source(TABLE, "CREATE TABLE others (id int PRIMARY KEY, at timestamptz)")
    rig.on_target("SELECT pg_create_logical_replication_slot('rows', 'pgoutput')")
    options = "create_slot = false, slot_name = 'rows', copy_data = false, enabled = false"
    way = rig.target.replace("'", "''")
    rig.on_source(f"CREATE SUBSCRIPTION rows CONNECTION '{way}' PUBLICATION rows WITH ({options})")
    try:
        rig.on_source("INSERT INTO rows VALUES (1)", "INSERT INTO others VALUES (1, now())")
        assert "subscription" in rig.load(QUERY, **FIELDS).notes["LookbackOnly"]
        assert rig.load("SELECT * FROM others", "analytics.others", **FIELDS, pipeline_name="others").notes == {}
    finally:
        rig.on_source("ALTER SUBSCRIPTION rows SET (slot_name = NONE)", "DROP SUBSCRIPTION rows")
        rig.on_target("SELECT pg_drop_replication_slot('rows')")
