"""A reconcile counts both sides and touches nothing."""

QUERY = "SELECT id, v FROM rows WHERE id <> 5 -- not that one"


def test_a_reconcile_counts_both_sides(rig):
    rig.on_source(
        "CREATE TABLE rows (id int PRIMARY KEY, v text)", "INSERT INTO rows SELECT n, 'v' FROM generate_series(1, 30) n"
    )
    rig.load(QUERY)
    before = rig.on_target("SELECT to_jsonb(c) FROM headrace.pipeline_checkpoints AS c")
    ended = rig.run(rig.spec(QUERY, kind="Reconcile"))
    assert ended.outcome == "DONE"
    assert ended.result == {"source_count": 29, "target_count": 29, "difference": 0, "status": "OK"}
    rig.on_target("DELETE FROM analytics.copy WHERE id < 4")
    ended = rig.run(rig.spec(QUERY, kind="Reconcile"), epoch=1)
    assert ended.result == {"source_count": 29, "target_count": 26, "difference": 3, "status": "WARNING"}
    assert rig.on_target("SELECT to_jsonb(c) FROM headrace.pipeline_checkpoints AS c") == before


def test_a_target_that_does_not_exist_yet_holds_nothing(rig):
    rig.on_source("CREATE TABLE rows (id int PRIMARY KEY, v text)", "INSERT INTO rows VALUES (1, 'x')")
    assert rig.run(rig.spec(QUERY, kind="Reconcile")).result["target_count"] == 0
    assert rig.on_target("SELECT count(*) FROM pg_namespace WHERE nspname IN ('headrace', 'analytics')") == [(0,)]


def test_a_query_at_fault_fails_a_reconcile(rig):
    ended = rig.run(rig.spec("SELECT * FROM absent", kind="Reconcile"))
    assert (ended.code, ended.message) == (64, 'The source: relation "absent" does not exist')
