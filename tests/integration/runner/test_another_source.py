"""A pipeline that is given another source, or whose source leads elsewhere: what was read tells nothing there."""

import re
import time

import pytest
from psycopg.conninfo import conninfo_to_dict

MADE = "CREATE TABLE rows (id int PRIMARY KEY, v text)"
ELSEWHERE = "Starting over: the source leads to another host, port or database"
QUERY = "SELECT id, v FROM rows"
INCREMENTAL = {"mode": "incremental", "incremental_key": "id"}


@pytest.fixture
def grown(rig):
    """Up to 300 is in the target, by the default source."""
    rig.on_source(
        MADE,
        "INSERT INTO rows SELECT n, 'v' FROM generate_series(1, 300) n",
    )
    rig.load(QUERY, **INCREMENTAL)
    return rig


@pytest.mark.parametrize(
    ("sources", "read"),
    [
        (("",), [0]),
        (("second",), [300]),
        (("second", "second"), [300, 0]),
        (("second", ""), [300, 300]),
        (("second", "third"), [300, 300]),
    ],
    ids=["the default one again", "another", "another one twice", "there and back", "two others"],
)
def test_an_incremental_run_starts_over_with_another_source(grown, sources, read):
    ended = [grown.load(QUERY, source=source, lookback_seconds=0, **INCREMENTAL) for source in sources]
    assert [it.rows_read for it in ended] == read
    if sources[0]:
        assert 'Starting over: the source was the default one and is now "second"' in ended[0].log


def test_another_query_of_the_same_source_keeps_its_cursor(grown):
    grown.load(QUERY, source="second", **INCREMENTAL)
    assert grown.load(QUERY, source="second", fingerprint="another", **INCREMENTAL).rows_read == 0


@pytest.mark.parametrize("source", ["", "second"], ids=["the default one", "another"])
def test_a_checkpoint_of_an_older_version_goes_on_and_then_knows_where_the_source_leads(grown, emptied, server, source):
    grown.load(QUERY, source=source, **INCREMENTAL)
    before = f"{QUERY}@{source}" if source else QUERY
    grown.on_target(f"UPDATE headrace.pipeline_checkpoints SET fingerprint = '{before}'")
    ended = grown.load(QUERY, source=source, lookback_seconds=0, **INCREMENTAL)
    assert (ended.rows_read, "Continuing after 300, key (300)" in ended.log) == (0, True)
    grown.source = emptied(server, "elsewhere")
    grown.on_source(MADE, "INSERT INTO rows SELECT n, 'elsewhere' FROM generate_series(1, 200) n")
    ended = grown.load(QUERY, source=source, **INCREMENTAL)
    assert (ended.rows_read, ELSEWHERE in ended.log) == (200, True)


def test_a_checkpoint_tells_no_host(grown):
    ((mark,),) = grown.on_target("SELECT fingerprint FROM headrace.pipeline_checkpoints")
    assert re.fullmatch(re.escape(QUERY) + "@@[0-9a-f]{16}", mark)


def test_whoever_logs_in_at_the_same_place_goes_on(grown, server):
    user = f"reader_{time.time_ns()}"
    grown.on_source(f"CREATE ROLE {user} LOGIN PASSWORD 'reader-secret'", f"GRANT SELECT ON rows TO {user}")
    grown.on_source(f"GRANT USAGE ON SCHEMA public TO {user}")
    changed = {"user": user, "password": "reader-secret", "application_name": "x", "connect_timeout": "5"}
    try:
        dsn = server.dsn(conninfo_to_dict(grown.source)["dbname"], **changed)
        ended = grown.run(grown.spec(QUERY, lookback_seconds=0, **INCREMENTAL), source_dsn=dsn)
    finally:
        grown.on_source(f"DROP OWNED BY {user}", f"DROP ROLE {user}")
    assert (ended.code, ended.rows_read) == (0, 0), ended


def test_a_full_run_does_not_go_on_with_the_rows_of_another_source(grown):
    fields = {"table": "analytics.whole", "pipeline_name": "whole", "batch_size": 50}
    spec = grown.spec(QUERY, **fields)
    grown.run(spec)
    grown.on_target(
        "UPDATE headrace.pipeline_checkpoints SET done = false, last_key = '{100}' WHERE pipeline_name = 'whole'"
    )
    ended = grown.run(grown.spec(QUERY, source="second", **fields))
    assert 'Starting over: the source was the default one and is now "second"' in ended.log
    assert ended.rows_read == 300
