"""`GET /sources/{id}/tables`: what there is to be moved, with every status code."""

import uuid

import pytest
from tests.e2e.platform.client import refused

from headrace_local.api import Api
from headrace_local.chart import accounts

SCHEMA = f"Laden {uuid.uuid4().hex[:6]}"
NAMES = ["Mixed Case", "generated", "keyless", "pairs", 'quote"d', "seen"]


@pytest.fixture(scope="module")
def source(world, connections):
    """A source with a schema of its own, as a source and by its id."""
    login = connections.role()
    world.source(
        f'CREATE SCHEMA "{SCHEMA}";'
        f' CREATE TABLE "{SCHEMA}"."Mixed Case" ("Id" int PRIMARY KEY, "Größe" numeric(10, 2) NOT NULL);'
        f' CREATE TABLE "{SCHEMA}".generated (id int PRIMARY KEY, updated_at timestamptz NOT NULL DEFAULT now(),'
        f"   twice int GENERATED ALWAYS AS (id * 2) STORED);"
        f' CREATE TABLE "{SCHEMA}".keyless (note text);'
        f' CREATE TABLE "{SCHEMA}".pairs (b text, a int, PRIMARY KEY (a, b));'
        f' CREATE TABLE "{SCHEMA}"."quote""d" (id int PRIMARY KEY);'
        f' CREATE VIEW "{SCHEMA}".seen AS SELECT 1 AS id;'
        f' INSERT INTO "{SCHEMA}".generated (id) SELECT n FROM generate_series(1, 500) AS n;'
        f' ANALYZE "{SCHEMA}".generated'
    )
    return connections.uid(connections.source(login))


def tables(world, source, query="", status=200, api=None):
    answer = (api or world.api).request("GET", f"/sources/{source}/tables{query}")
    assert answer.status_code == status, answer.text
    return answer


def looks(world):
    """How many previews there are."""
    return len([run for run in world.kubectl.list("etlr") if run["spec"].get("kind") == "Preview"])


def test_all_tables_are_shown_with_what_a_pipeline_could_do_with_them(world, source):
    answer = tables(world, source, f"?schema={SCHEMA}")
    assert answer.headers["X-Total-Count"] == str(len(NAMES))
    found = {table["name"]: table for table in answer.json()}
    assert sorted(found) == sorted(NAMES)
    mixed, generated, keyless = found["Mixed Case"], found["generated"], found["keyless"]
    assert mixed.items() >= {"schema": SCHEMA, "source_table": f"{SCHEMA}.Mixed Case", "kind": "table"}.items()
    assert mixed["columns"] == [
        {"name": "Id", "type": "integer", "nullable": False, "generated": False},
        {"name": "Größe", "type": "numeric(10,2)", "nullable": False, "generated": False},
    ]
    assert (
        generated.items()
        >= {"key_columns": ["id"], "can_resume": True, "can_increment": True, "readable": True}.items()
    )
    assert "updated_at" in generated["incremental_columns"]
    assert [column["generated"] for column in generated["columns"]] == [False, False, True]
    assert 400 <= generated["estimated_rows"] <= 600
    assert generated["estimated_bytes"] > 0
    assert (keyless["key_columns"], keyless["can_resume"]) == ([], False)
    assert found["pairs"]["key_columns"] == ["a", "b"]
    assert found["seen"]["kind"] == "view"
    assert found['quote"d']["source_table"] is None


def test_pages_and_filters_are_one_look_at_the_source(world, source):
    tables(world, source)
    before = looks(world)
    pages = [tables(world, source, f"?schema={SCHEMA}&limit=2&offset={n}") for n in (0, 2, 4, 6)]
    assert [table["name"] for page in pages for table in page.json()] == sorted(NAMES)
    assert {page.headers["X-Total-Count"] for page in pages} == {str(len(NAMES))}
    (found,) = tables(world, source, f"?q={SCHEMA.upper()}.GENER").json()
    assert found["name"] == "generated"
    assert tables(world, source, "?q=no-such-table").json() == []
    assert tables(world, source, f"?q={SCHEMA}", api=world.other_api).json() == [
        *pages[0].json(),
        *pages[1].json(),
        *pages[2].json(),
    ]
    assert looks(world) == before
    world.source(f'CREATE TABLE IF NOT EXISTS "{SCHEMA}".later (id int)')
    try:
        assert tables(world, source, "?q=later").json() == []
        assert [table["name"] for table in tables(world, source, "?q=later&refresh=true").json()] == ["later"]
        assert looks(world) == before + 1
    finally:
        world.source(f'DROP TABLE "{SCHEMA}".later')


def test_a_table_that_was_found_becomes_a_pipeline(world, source):
    (table,) = tables(world, source, f"?schema={SCHEMA}&q=mixed").json()
    made = world.api.create(
        name=f"found {uuid.uuid4().hex[:8]}", source_id=source, source_table=table["source_table"],
        key_columns=table["key_columns"], target_table=world.fresh_target(),
    )  # fmt: skip
    assert world.done(made, world.api.run(made["id"])["run_id"])["rows_read"] == 0


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "offset=-1", "refresh=perhaps"])
def test_what_is_out_of_bounds_is_refused(world, source, query):
    refused(tables(world, source, f"?{query}", status=422), 422, "VALIDATION_ERROR", query.split("=")[0])


@pytest.mark.parametrize("unknown", [str(uuid.uuid4()), "no-uuid", "default", "%20"])
def test_a_source_that_is_not_there_has_no_tables(world, unknown):
    assert refused(tables(world, unknown, status=404), 404, "NOT_FOUND")["detail"] == "Source not found"


def test_who_may_not_make_runs_may_not_look(world, source):
    """A viewer sees the source, but not what is in it."""
    with Api(
        world.status.apis[0], token=accounts.token(world.kubectl, "tables-viewer", role="headrace-view")
    ) as viewer:
        assert viewer.request("GET", f"/sources/{source}").status_code == 200
        refused(tables(world, source, status=403, api=viewer), 403, "FORBIDDEN")
    with Api(world.status.apis[0]) as nobody:
        refused(tables(world, source, status=401, api=nobody), 401, "UNAUTHORIZED")


def test_a_source_that_lets_nobody_in_says_why(world, connections):
    login = connections.role()
    wrong = connections.manifest("EtlSource", login, passwordSecret={"name": connections.secret({"password": "no"})})
    closed = connections.manifest("EtlSource", login, port=1)
    connections.apply(wrong, closed)
    for manifest, words in ((wrong, "password"), (closed, "")):
        body = refused(tables(world, connections.uid(manifest), status=400), 400, "BAD_REQUEST")
        assert words in body["detail"]
        assert login.password not in str(body)


def test_a_source_that_has_no_connection_left_answers_in_time_and_says_why(world, connections):
    manifest = connections.source(connections.role(), maxConnections=2)
    source = connections.uid(manifest)
    with world.held_pipeline(source_id=source) as (made, let_go):
        run_id = world.api.run(made["id"])["run_id"]
        world.api.wait_for_status(made["id"], "RUNNING")
        body = refused(tables(world, source, status=504), 504, "TIMEOUT")
        assert "maxConnections" in body["detail"]
        let_go()
        world.done(made, run_id)
