"""Tables of named sources, mapped onto tables of named destinations: of whatever kind and name they are."""

import uuid
from dataclasses import dataclass

import pytest
from tests.e2e.replication.connections import condition

MARK = uuid.uuid4().hex[:8]
TABLES = {
    "upper case, other letters, a space": ('"Größe X %s"', "(\"Id\" int PRIMARY KEY, \"Наименование\" text)", ["Id"]),
    "partitioned": ("parted_%s", "(id int PRIMARY KEY, name text) PARTITION BY RANGE (id)", ["id"]),
    "no key": ("keyless_%s", "(id int, name text)", []),
    "a key of two columns, one of which came later": (
        "pairs_%s", "(b text, gone int, a int, note text, PRIMARY KEY (a, b))", ["a", "b"],
    ),
    "generated columns": (
        "generated_%s", "(id int PRIMARY KEY, half int, twice int GENERATED ALWAYS AS (half * 2) STORED)", ["id"],
    ),
    "a view": ("view_%s", None, ["id"]),
    "quotes in the name, which only a query can say": ('"say ""%s"""', "(id int PRIMARY KEY, name text)", ["id"]),
    "no row": ("empty_%s", "(id int PRIMARY KEY, name text)", ["id"]),
}  # fmt: skip
"""What is special: the table's name, its columns, and what a pipeline is told of its key."""
ROWS = 40
FILL = {
    "upper case, other letters, a space": "SELECT n, 'имя ' || n FROM n",
    "partitioned": "SELECT n, 'name ' || n FROM n",
    "no key": "SELECT n % 7, 'name ' || n FROM n",
    "a key of two columns, one of which came later": "SELECT 'b' || n, 1, n, 'note' FROM n",
    "generated columns": "SELECT n, n FROM n",
    "quotes in the name, which only a query can say": "SELECT n, 'name ' || n FROM n",
    "no row": "SELECT n, '' FROM n LIMIT 0",
}


@dataclass
class Mapped:
    """A pipeline of one table, and its run."""

    pipeline: dict
    run: str
    table: str


def make(world, what):
    """A table of the source, in a schema whose name has upper case too; returns it quoted."""
    name, columns, _ = TABLES[what]
    name = f'"Shop of {MARK}".{name % MARK}'
    if columns is None:
        world.source(f"CREATE VIEW {name} AS SELECT n AS id, 'name ' || n AS name FROM generate_series(1, {ROWS}) AS n")
        return name
    world.source(f"CREATE TABLE {name} {columns}")
    if what == "partitioned":
        for part, (low, high) in enumerate([(0, 20), (20, 1_000)]):
            of = f'"Shop of {MARK}".part_{part}'
            world.source(f"CREATE TABLE {of} PARTITION OF {name} FOR VALUES FROM ({low}) TO ({high})")
    named = "(id, half) " if what == "generated columns" else ""
    world.source(f"WITH n AS (SELECT n FROM generate_series(1, {ROWS}) AS n) INSERT INTO {name} {named}{FILL[what]}")
    if "gone" in (columns or ""):
        world.source(f"ALTER TABLE {name} DROP COLUMN gone")
    return name


@pytest.fixture(scope="module")
def mapped(world, connections):
    """All of them at work at once, by what is special: half of them made by REST, half by kubectl."""
    login = connections.role()
    source, destination = connections.source(login, maxConnections=8), connections.destination(login)
    ids = [connections.uid(end) for end in (source, destination)]
    world.source(f'CREATE SCHEMA "Shop of {MARK}"')
    made = {}
    for number, (what, (_, _, key)) in enumerate(TABLES.items()):
        quoted = make(world, what)
        read = {"source_table": quoted.replace('"', "")}
        if '""' in quoted:
            read = {"source_query": f"SELECT * FROM {quoted}"}
        body = {"name": f"{what} {MARK}", **read, "target_table": world.fresh_target(), "key_columns": key}
        if number % 2:
            ends = dict(zip(("source_id", "destination_id"), ids, strict=True))
            pipeline = world.api.create(**body, **ends)
            assert pipeline.items() >= {**ends, "source_table": None, "source_query": None, **read}.items()
        else:
            ends = {"source": source["metadata"]["name"], "destination": destination["metadata"]["name"]}
            pipeline = world.applied(body | ends)
        made[what] = Mapped(pipeline, world.api.run(pipeline["id"])["run_id"], quoted)
    return made


@pytest.mark.parametrize("what", TABLES)
def test_all_columns_of_a_table_are_brought(world, mapped, what):
    found = mapped[what]
    run = world.done(found.pipeline, found.run, seconds=90)
    rows = 0 if what == "no row" else ROWS
    assert (run["rows_read"], run["rows_written"]) == (rows, rows)
    assert world.differs({**found.pipeline, "source_query": f"SELECT * FROM {found.table}"}) == ""
    shown = world.api.pipeline(found.pipeline["id"])
    assert shown["source_table"] == (None if '""' in found.table else found.table.replace('"', ""))
    assert None not in (shown["source_id"], shown["destination_id"])


def test_a_source_may_be_its_own_destination_but_no_table_its_own_target(world, connections):
    login = connections.role()
    world.source(
        f"GRANT CREATE, TEMPORARY ON DATABASE source TO {login.name}; CREATE SCHEMA IF NOT EXISTS analytics;"
        f" GRANT ALL ON SCHEMA analytics TO {login.name}"
    )
    source, destination = connections.source(login), connections.destination(login, database="source")
    ends = {end: one["metadata"]["name"] for end, one in (("source", source), ("destination", destination))}
    table, target = world.source_table(20), world.fresh_target()
    body = {"name": f"own {MARK}", "source_table": table, "target_table": target, "key_columns": ["id"], **ends}
    made = world.applied(body)
    run = world.api.run(made["id"])["run_id"]
    same = world.applied({**body, "name": f"same {MARK}", "source_table": target})
    pipeline = {"kind": "EtlPipeline", "metadata": {"name": same["resource"]}}
    found = connections.wait(pipeline, "Ready", lambda ready: ready["status"] == "False")
    assert condition(found, "Ready")["reason"] in {"SameTable", "InvalidSpec"}
    world.done(made, run)
    assert world.source(f"SELECT count(*) FROM {target}") == [(20,)]
    asked = {"name": f"again {MARK}", "source_table": target, "target_table": target, "key_columns": ["id"]}
    uids = {"source_id": connections.uid(source), "destination_id": connections.uid(destination)}
    refused = world.api.request("POST", "/pipelines", asked | uids)
    assert refused.status_code in {400, 422}, refused.text


def test_who_may_connect_but_not_read_is_told_so_by_the_run(world, connections):
    login = connections.role(reads=False)
    source = connections.source(login)
    assert condition(world.kubectl.get("EtlSource", source["metadata"]["name"]), "Ready")["status"] == "True"
    table = world.source_table(3)
    world.source(f"GRANT USAGE ON SCHEMA shop TO {login.name}")
    made = world.applied(
        {
            "name": f"unreadable {MARK}",
            "source_table": table,
            "target_table": world.fresh_target(),
            "key_columns": ["id"],
            "source": source["metadata"]["name"],
        }
    )
    ended = world.api.wait_for_end(made["id"], world.api.run(made["id"])["run_id"])
    assert ended["status"] == "FAILED"
    assert f"permission denied for table {table.removeprefix('shop.')}" in ended["error_message"]
    assert tables_of(world, connections.uid(source))[table]["readable"] is False


def tables_of(world, source_id):
    """What a source says that it has, by `schema.table`."""
    return {each["source_table"]: each for each in world.api.call("GET", f"/sources/{source_id}/tables")}
