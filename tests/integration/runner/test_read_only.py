"""No statement of a run writes at the source, whatever session it gets: a pooler may hand out one of somebody else."""

import pytest

from headrace_runner.sources.postgres import session

QUERY = "SELECT id, nextval('numbers') AS at FROM rows"
RUNS = {
    "full": {},
    "incremental": {"mode": "incremental", "incremental_key": "at", "key_columns": ("id",)},
    "reconcile": {"kind": "Reconcile"},
    "preview": {"kind": "Preview", "preview_rows": 1},
}


@pytest.fixture
def strangers_session(monkeypatch):
    """What our settings did not reach."""
    monkeypatch.setitem(session.SETTINGS, "default_transaction_read_only", "off")


@pytest.mark.usefixtures("strangers_session")
@pytest.mark.parametrize("fields", RUNS.values(), ids=RUNS.keys())
def test_a_query_that_writes_is_refused_by_the_transaction(rig, fields):
    rig.on_source("CREATE TABLE rows AS SELECT 1 AS id", "CREATE SEQUENCE numbers")
    ended = rig.run(rig.spec(QUERY, **fields))
    assert (ended.code, ended.message) == (64, "The source: cannot execute nextval() in a read-only transaction")
    assert rig.on_source("SELECT is_called FROM numbers") == [(False,)]
