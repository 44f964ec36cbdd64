"""Runs through the API: asking, pausing, resuming, starting over, failing, counting."""

import time
import uuid

import pytest

from headrace_local.waiting import wait_for


def status(world, pipeline):
    return world.api.call("GET", f"/pipelines/{pipeline['id']}/status")


def state(world, pipeline):
    return world.api.call("GET", f"/pipelines/{pipeline['id']}/state")


def runs(world, pipeline):
    return world.api.call("GET", f"/pipelines/{pipeline['id']}/runs")


def test_a_full_run_brings_what_the_query_gives_and_removes_what_left_it(world):
    made = world.pipeline(rows=250, batch_size=100)
    assert state(world, made) == {
        "pipeline_id": made["id"], "last_processed_id": None, "last_processed_value": None, "updated_at": None,
    }  # fmt: skip
    asked = world.api.run(made["id"])
    assert asked["pipeline_id"] == asked["id"] == made["id"]
    assert asked["status"] in {"RUN_REQUESTED", "RUNNING"}
    run = world.done(made, asked["run_id"])
    assert (run["rows_read"], run["rows_written"], run["error_message"]) == (250, 250, None)
    assert run["started_at"] <= run["finished_at"]
    assert world.differs(made) == ""
    assert state(world, made)["last_processed_id"] == "250"
    assert state(world, made)["updated_at"] is not None
    shown = status(world, made)
    assert shown["status"] == "IDLE"
    assert shown["last_run_id"] == run["id"]
    assert shown["last_updated_at"] >= run["started_at"]

    table = made["source_query"].split()[-1]
    world.source(f"DELETE FROM {table} WHERE id <= 10; UPDATE {table} SET name = 'new' WHERE id = 11")
    run = world.done(made, world.api.run(made["id"])["run_id"])
    assert (run["rows_read"], run["rows_written"]) == (240, 11)
    assert world.differs(made) == ""
    assert runs(world, made)[0]["id"] == run["id"]
    assert len(runs(world, made)) == 2
    assert world.other_api.call("GET", f"/pipelines/{made['id']}/runs") == runs(world, made)


def test_an_incremental_run_brings_what_is_above_the_cursor_and_never_deletes(world):
    made = world.pipeline(rows=50, mode="incremental", incremental_key="modified")
    world.done(made, world.api.run(made["id"])["run_id"])
    table = made["source_query"].split()[-1]
    world.source(
        f"DELETE FROM {table} WHERE id = 1; INSERT INTO {table} VALUES (51, 'new');"
        f" UPDATE {table} SET name = 'changed', modified = clock_timestamp() WHERE id = 2"
    )
    run = world.done(made, world.api.run(made["id"])["run_id"])
    assert run["rows_written"] == 2
    assert state(world, made)["last_processed_value"] is not None
    assert world.target(f"SELECT count(*), count(*) FILTER (WHERE name = 'changed') FROM {made['target_table']}") == [
        (51, 1)
    ]
    run = world.done(made, world.api.run(made["id"])["run_id"])
    assert run["rows_written"] == 0


def test_a_run_asked_for_twice_is_one_run(world):
    made = world.slow_pipeline(seconds=4)
    first = world.api.run(made["id"])
    again = world.other_api.call("POST", f"/pipelines/{made['id']}/start")
    assert again["run_id"] == first["run_id"]
    world.done(made, first["run_id"])
    assert len(runs(world, made)) == 1


def test_a_pause_takes_effect_between_batches_and_a_resume_goes_on_from_there(world):
    made = world.slow_pipeline(seconds=5)
    run_id = world.running(made)
    asked = world.api.pause(made["id"])
    assert asked["pipeline_id"] == made["id"]
    assert asked["status"] in {"PAUSE_REQUESTED", "PAUSED"}
    world.api.wait_for_status(made["id"], "PAUSED")
    (rows,) = world.target(f"SELECT count(*), max(id) FROM {made['target_table']}")
    assert 0 < rows[0] < 2500
    assert state(world, made)["last_processed_id"] == str(rows[1])
    assert world.api.one_run(made["id"], run_id)["status"] == "PAUSED"
    assert world.api.pause(made["id"])["status"] == "PAUSED"

    resumed = world.api.run(made["id"])
    assert resumed["run_id"] == run_id
    assert resumed["status"] in {"RUN_REQUESTED", "RUNNING"}
    run = world.done(made, run_id)
    assert run["rows_read"] == 2500, "the resumed run must not read what it had committed"
    assert world.differs(made) == ""
    assert len(runs(world, made)) == 1


def test_a_run_during_pause_requested_withdraws_the_pause(world):
    made = world.slow_pipeline(seconds=4)
    run_id = world.running(made)
    world.api.pause(made["id"])
    assert world.api.run(made["id"])["run_id"] == run_id
    world.done(made, run_id)
    assert world.api.pipeline(made["id"])["status"] == "IDLE"
    assert world.differs(made) == ""


def test_an_idle_pipeline_that_is_paused_is_no_longer_paused_by_run(world):
    made = world.pipeline()
    assert world.api.pause(made["id"])["status"] == "PAUSED"
    assert world.api.pause(made["id"])["status"] == "PAUSED"
    world.done(made, world.api.run(made["id"])["run_id"])
    assert world.api.pipeline(made["id"])["status"] == "IDLE"


def test_a_disabled_pipeline_runs_when_asked_and_stays_disabled(world):
    made = world.pipeline(enabled=False)
    run = world.done(made, world.api.run(made["id"])["run_id"])
    assert run["status"] == "SUCCESS"
    after = world.api.pipeline(made["id"])
    assert (after["status"], after["enabled"]) == ("PAUSED", False)


def test_changes_are_refused_while_it_runs_and_while_a_pause_is_on_its_way(world):
    made = world.slow_pipeline(seconds=5)
    run_id = world.running(made)
    path = f"/pipelines/{made['id']}"
    full = {name: made[name] for name in ("name", "target_table", "source_query")}
    for method, body, verb in (
        ("PATCH", {"description": "x"}, "update"),
        ("PUT", full, "update"),
        ("DELETE", None, "delete"),
    ):
        answer = world.api.request(method, path, body)
        assert answer.status_code == 409, answer.text
        assert answer.json()["detail"] == f"Cannot {verb} pipeline while it is RUNNING"
        assert answer.json()["error"]["code"] == "CONFLICT"
    assert world.api.call("PATCH", path, {})["status"] == "RUNNING"
    if world.api.pause(made["id"])["status"] == "PAUSE_REQUESTED":
        answer = world.api.request("DELETE", path)
        assert answer.status_code in {409, 204}
        if answer.status_code == 409:
            assert answer.json()["detail"] == "Cannot delete pipeline while it is PAUSE_REQUESTED"
    world.api.wait_for_status(made["id"], "PAUSED")
    assert world.api.call("PATCH", path, {"description": "x"})["description"] == "x"
    world.done(made, world.api.run(made["id"])["run_id"])
    assert world.api.one_run(made["id"], run_id)["rows_read"] == 2500


def test_after_a_failure_the_next_run_goes_on_and_restart_starts_over(world):
    table = world.source_table(300)
    # Division by zero behind row 200, until the source is mended.
    made = world.pipeline(
        source_query=f"SELECT id, name, 1 / (CASE WHEN name = 'bad' THEN 0 ELSE 1 END) AS one FROM {table}",
        batch_size=50,
    )
    world.source(f"UPDATE {table} SET name = 'bad' WHERE id = 220")
    failed = world.api.wait_for_end(made["id"], world.api.run(made["id"])["run_id"])
    assert failed["status"] == "FAILED"
    assert "division by zero" in failed["error_message"]
    assert world.api.wait_for_status(made["id"], "FAILED")
    assert failed["rows_written"] == world.target(f"SELECT count(*) FROM {made['target_table']}")[0][0]
    world.source(f"UPDATE {table} SET name = 'good' WHERE id = 220")
    run = world.done(made, world.api.run(made["id"])["run_id"])
    assert run["rows_read"] == 300 - failed["rows_read"]
    assert world.differs(made) == ""
    run = world.done(made, world.api.run(made["id"], restart=True)["run_id"])
    assert (run["rows_read"], run["rows_written"]) == (300, 0)


@pytest.mark.parametrize("body", [{"restart": "maybe"}, {"colour": "red"}, []])
def test_a_body_of_run_that_is_wrong_is_refused(world, body):
    made = world.pipeline()
    answer = world.api.request("POST", f"/pipelines/{made['id']}/run", json=body)
    assert answer.status_code == 422, answer.text
    assert runs(world, made) == []


def test_a_source_without_rows_never_empties_a_target_unless_it_may(world):
    made = world.pipeline(rows=5)
    world.done(made, world.api.run(made["id"])["run_id"])
    world.source(f"TRUNCATE {made['source_query'].split()[-1]}")
    failed = world.api.wait_for_end(made["id"], world.api.run(made["id"])["run_id"])
    assert failed["status"] == "FAILED"
    assert world.target(f"SELECT count(*) FROM {made['target_table']}") == [(5,)]
    world.api.call("PATCH", f"/pipelines/{made['id']}", {"allow_empty": True})
    world.done(made, world.api.run(made["id"])["run_id"])
    assert world.target(f"SELECT count(*) FROM {made['target_table']}") == [(0,)]


def test_reconcile_counts_both_sides_and_is_no_load(world):
    made = world.pipeline(rows=20)
    world.done(made, world.api.run(made["id"])["run_id"])
    path = f"/pipelines/{made['id']}/reconcile"

    def reconcile():
        answer = world.api.request("POST", path)
        if answer.status_code == 202:
            assert f"/pipelines/{made['id']}/runs/" in answer.headers["Location"]
            run = world.api.wait_for_end(made["id"], answer.headers["Location"].rstrip("/").rsplit("/", 1)[-1])
            return run["result"]
        assert answer.status_code == 200, answer.text
        return answer.json()

    assert reconcile() == {
        "pipeline_id": made["id"], "source_count": 20, "target_count": 20, "difference": 0, "status": "OK",
    }  # fmt: skip
    world.target(f"DELETE FROM {made['target_table']} WHERE id <= 3")
    found = reconcile()
    assert (found["source_count"], found["target_count"], found["difference"], found["status"]) == (
        20, 17, 3, "WARNING",
    )  # fmt: skip
    assert len(runs(world, made)) == 1
    assert world.api.pipeline(made["id"])["status"] == "IDLE"


def test_run_lists_are_paged(world):
    made = world.pipeline(rows=1)
    for _ in range(2):
        world.done(made, world.api.run(made["id"])["run_id"])
    path = f"/pipelines/{made['id']}/runs"
    first = world.api.request("GET", f"{path}?limit=1")
    assert first.headers["X-Total-Count"] == "2"
    second = world.api.call("GET", f"{path}?limit=1&offset=1")
    assert [run["id"] for run in first.json() + second] == [run["id"] for run in runs(world, made)]
    for query in ("limit=0", "limit=501", "offset=-1", "limit=x"):
        assert world.api.request("GET", f"{path}?{query}").status_code == 422


def test_a_table_that_is_missing_is_created_with_the_sources_primary_key(world):
    made = world.api.create(**{**world.spec(rows=3), "key_columns": []})
    world.done(made, world.api.run(made["id"])["run_id"])
    found = world.target(
        "SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)"
        f" WHERE i.indisprimary AND i.indrelid = '{made['target_table']}'::regclass"
    )
    assert found == [("id",)]


def test_history_outlives_the_runs_resources(world):
    made = world.pipeline(rows=2)
    run = world.done(made, world.api.run(made["id"])["run_id"])
    resource = world.resource("etlr", run["id"])
    name = resource["metadata"]["name"]
    pipeline = resource["spec"]["pipeline"]
    # The claim falls when the store has it all.
    world.wait_for_resource("etlp", pipeline, lambda found: not found["status"].get("activeRun"))
    world.kubectl.run("delete", "etlr", name)
    assert world.api.one_run(made["id"], run["id"]) == run
    assert [one["id"] for one in runs(world, made)] == [run["id"]]
    assert status(world, made)["last_run_id"] == run["id"]
    # The number of the next run's name goes on where the last one was.
    assert world.done(made, world.api.run(made["id"])["run_id"])["id"] != run["id"]


def test_logs_and_progress_are_in_the_store_and_the_jobs_go(world):
    made = world.pipeline(rows=10)
    run = world.done(made, world.api.run(made["id"])["run_id"])
    jobs = world.jobs(run["id"])
    assert all(job["spec"].get("ttlSecondsAfterFinished") is not None for job in jobs)
    assert len(jobs) <= 1


def test_a_message_of_a_run_holds_no_secret(world):
    made = world.pipeline(source_query="SELECT id FROM shop.no_such_table")
    failed = world.api.wait_for_end(made["id"], world.api.run(made["id"])["run_id"])
    assert failed["status"] == "FAILED"
    assert "no_such_table" in failed["error_message"]
    for secret in (world.status.source_dsn, world.status.target_dsn, world.status.store_dsn):
        assert secret.split("@")[0].rsplit(":", 1)[-1] not in failed["error_message"]


def test_an_id_of_another_pipelines_run_is_not_found(world):
    first, second = world.pipeline(rows=1), world.pipeline(rows=1)
    run_id = world.api.run(first["id"])["run_id"]
    assert world.api.request("GET", f"/pipelines/{second['id']}/runs/{run_id}").status_code == 404
    world.done(first, run_id)
    assert world.api.request("GET", f"/pipelines/{second['id']}/runs/{run_id}").status_code == 404
    assert world.api.request("GET", f"/pipelines/{first['id']}/runs/{uuid.uuid4()}").status_code == 404


def test_progress_moves_while_it_runs(world):
    made = world.slow_pipeline(seconds=5)
    run_id = world.running(made)
    seen = set()
    began = time.monotonic()

    def over():
        run = world.api.one_run(made["id"], run_id)
        seen.add(run["rows_read"])
        return run["status"] == "SUCCESS"

    wait_for("the end of the run", over, seconds=60, every=0.2, seen=lambda: seen)
    assert len(seen) >= 4, f"{sorted(seen)} in {time.monotonic() - began:.1f} s"
