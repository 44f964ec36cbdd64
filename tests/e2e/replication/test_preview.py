"""Previews by kubectl alone: what a source has, and what a pipeline would read, before there is one."""

import json
import os
import signal
import time

import psycopg
import pytest
import yaml

from headrace_local.kubectl import KubectlError
from headrace_local.waiting import wait_for

FINAL = {"SUCCESS", "FAILED", "CANCELLED"}
PATIENCE = 12
"""Somebody waits for it. On an idle machine it is 4 s, and the tests of others may run beside."""


def asked(world, name="preview-", **spec):
    """An EtlRun of kind Preview."""
    return world.kubectl.create(
        {
            "apiVersion": "headrace.dev/v1alpha1",
            "kind": "EtlRun",
            "metadata": {"generateName": name},
            "spec": {"kind": "Preview", **spec},
        }
    )["metadata"]


def ended(world, run, seconds=60):
    return world.wait_for_resource(
        "etlr", run["name"], lambda found: found.get("status", {}).get("phase") in FINAL, seconds=seconds
    )


def found_by(world, run):
    """What it found, as the store has it."""
    with psycopg.connect(world.store_dsn) as connection:
        row = connection.execute("SELECT result FROM headrace.runs WHERE run_id = %s", (run["uid"],)).fetchone()
    return row[0] if row else None


def is_reading(world, run):
    """Whether its query is at work. Its text is not what is at work: the rows are fetched from a cursor."""
    return world.source(
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND wait_event = 'PgSleep'"
        f" AND application_name = 'headrace-read {run['uid']}'"
    ) == [(1,)]


def wait_until_nothing_is_left(world, run):
    """Of one that is over, but itself."""
    world.wait_for_resource("etlr", run["name"], lambda found: found["status"].get("archived"), seconds=60)
    assert world.jobs(run["uid"]) == []
    secrets = [each["metadata"]["name"] for each in world.kubectl.list("secrets")]
    assert [name for name in secrets if run["uid"] in name] == []


def test_the_tables_of_the_default_source_are_shown_while_somebody_waits(world, count):
    table = world.source_table(5)
    began = time.monotonic()
    run = asked(world, preview={})
    over = ended(world, run)
    seconds = time.monotonic() - began
    assert over["status"]["phase"] == "SUCCESS", over["status"]
    count(f"a preview of the tables took {seconds:.1f} s, from its creation to its end")
    assert seconds < PATIENCE
    shown = {each["source_table"]: each for each in found_by(world, run)["tables"]}
    assert shown[table]["key_columns"] == ["id"]
    assert [owner["kind"] for owner in over["metadata"]["ownerReferences"]] == ["EtlSource"]
    assert over["status"]["source"] == "default"


def test_the_first_rows_and_the_table_that_would_be_made_are_shown_and_nothing_is_made(world):
    table, target = world.source_table(30), world.fresh_target()
    run = asked(world, preview={"sourceTable": table, "targetTable": target, "rows": 3})
    over = ended(world, run)
    assert over["status"]["phase"] == "SUCCESS", over["status"]
    found = found_by(world, run)
    assert len(found["rows"]) == 3
    assert found["truncated"]
    assert "CREATE TABLE" in found["target"]["ddl"]
    schema, name = target.split(".")
    assert world.target(f"SELECT to_regclass('{schema}.{name}')::text") == [(None,)]


def test_when_it_is_over_nothing_is_left_of_it_but_itself(world):
    run = asked(world, preview={"sourceQuery": "SELECT 1 AS one"})
    ended(world, run)
    wait_until_nothing_is_left(world, run)
    listed = world.api.call("GET", "/runs?limit=100")["data"]
    assert [each for each in listed if each["id"] == run["uid"]] == []


@pytest.mark.parametrize(
    ("preview", "message"),
    [
        ({"source": "no-such-source"}, "no-such-source"),
        ({"sourceQuery": "DELETE FROM content.film_work"}, "must be a SELECT"),
        ({"sourceQuery": "SELECT 1", "targetTable": "public.secret"}, "is not allowed"),
        ({"sourceQuery": "SELECT no_such_column FROM content.film_work"}, "no_such_column"),
        ({"sourceTable": "content.no_such_table"}, "no_such_table"),
        ({"sourceQuery": "SELECT 1 AS a", "targetTable": "analytics.x", "destination": "nowhere"}, "nowhere"),
    ],
)
def test_what_can_not_be_shown_fails_soon_and_says_why(world, preview, message):
    began = time.monotonic()
    over = ended(world, asked(world, preview=preview))
    assert over["status"]["phase"] == "FAILED"
    assert message in over["status"]["errorMessage"]
    assert time.monotonic() - began < PATIENCE


def test_a_preview_is_of_no_pipeline_and_a_run_of_a_pipeline_is_no_preview(world):
    for spec in ({"pipeline": "films", "preview": {}}, {"pipeline": ""}):
        with pytest.raises(Exception, match=r"[Pp]review|pipeline"):
            asked(world, **spec)


def test_with_show_the_result_is_in_the_status_and_kubectl_shows_it(world):
    words = "SELECT n AS id, 'a' || chr(159) || 'b' AS words, NULL AS nothing FROM generate_series(1, 9) AS n"
    run = asked(world, preview={"sourceQuery": words, "targetTable": world.fresh_target(), "rows": 2, "show": True})
    world.kubectl.run("wait", f"etlr/{run['name']}", "--for=jsonpath={.status.finishedAt}", "--timeout=60s")
    status = yaml.safe_load(world.kubectl.run("get", "etlr", run["name"], "-o", "yaml"))["status"]
    assert status["phase"] == "SUCCESS", status
    shown = status["preview"]
    assert [column["name"] for column in shown["columns"]] == ["id", "words", "nothing"]
    assert shown["rows"] == [["1", "a\ufffdb", None], ["2", "a\ufffdb", None]]
    assert shown["truncated"]
    assert "CREATE TABLE" in shown["target"]["ddl"]


def test_with_show_the_tables_are_in_the_status(world):
    table = world.source_table(5)
    over = ended(world, asked(world, preview={"show": True}))
    assert over["status"]["phase"] == "SUCCESS", over["status"]
    shown = over["status"]["preview"]
    # There are those of other tests, maybe more than are shown.
    assert shown["truncated"] or table in [each["source_table"] for each in shown["tables"]]
    assert shown["tables"][0]["columns"][0]["type"]


def test_of_a_long_result_the_status_has_the_first_rows_and_says_so(world):
    words = "SELECT n, repeat('x', 900) AS words FROM generate_series(1, 100) AS n"
    run = asked(world, preview={"sourceQuery": words, "rows": 100, "show": True})
    shown = ended(world, run)["status"]["preview"]
    assert [row[0] for row in shown["rows"]] == [str(n + 1) for n in range(len(shown["rows"]))]
    assert shown["truncated"]
    assert 30 * 1024 < len(json.dumps(shown)) <= 32 * 1024
    found = found_by(world, run)
    assert (len(found["rows"]), found["truncated"]) == (100, False)


@pytest.mark.parametrize("show", [True, False])
def test_what_quotes_a_row_of_a_query_that_fails_is_in_the_status_only_with_show(world, show):
    query = "SELECT ('private ' || n)::int AS number FROM generate_series(1, 3) AS n"
    status = ended(world, asked(world, preview={"sourceQuery": query, "show": show}))["status"]
    assert status["phase"] == "FAILED"
    assert "private" not in status["errorMessage"]
    assert ("private 1" in status.get("preview", {}).get("error", "")) == show, status


def test_without_show_no_row_is_in_the_status_and_that_can_not_be_changed(world):
    run = asked(world, preview={"sourceQuery": "SELECT 'private' AS word"})
    with pytest.raises(KubectlError, match="can't be changed"):
        world.kubectl.patch("etlr", run["name"], {"spec": {"preview": {"show": True}}})
    assert "private" not in json.dumps(ended(world, run)["status"])


def test_one_that_is_cancelled_ends_and_leaves_no_connection(world):
    run = asked(world, preview={"sourceQuery": "SELECT 1 AS one FROM pg_sleep(15)"})
    wait_for("the query to be at work", lambda: is_reading(world, run), seconds=30)
    world.kubectl.patch("etlr", run["name"], {"spec": {"cancel": True}})
    assert ended(world, run)["status"]["phase"] == "CANCELLED"
    wait_until_nothing_is_left(world, run)
    # A statement of somebody who has gone is ended by its own limit, 20 s.
    wait_for("the query to end", lambda: not is_reading(world, run), seconds=25)


@pytest.mark.parametrize("rest", [2, 12])
def test_one_whose_operator_is_killed_while_it_is_at_work_ends_all_the_same_and_once(world, rest):
    """Its query ends while nobody looks, and after another operator has come."""
    run = asked(world, preview={"sourceQuery": f"SELECT 'seen' AS words FROM pg_sleep({rest})", "show": True})
    wait_for("the query to be at work", lambda: is_reading(world, run), seconds=30, every=0.1)
    (job,) = world.jobs(run["uid"])
    killed = world.pid("operator")
    os.kill(killed, signal.SIGKILL)
    world.wait_until_back("operator", killed)
    status = ended(world, run, seconds=90)["status"]
    assert (status["phase"], status.get("preview", {}).get("rows")) == ("SUCCESS", [["seen"]]), status
    wait_until_nothing_is_left(world, run)
    of_job = f"involvedObject.name={job['metadata']['name']},reason=SuccessfulCreate"
    made = world.kubectl.list("events", "--field-selector", of_job)
    assert [(event["involvedObject"]["uid"], event.get("count", 1)) for event in made] == [(job["metadata"]["uid"], 1)]


def test_more_than_may_be_at_work_at_once_wait_and_all_come_to_an_end(world):
    runs = [asked(world, preview={"sourceQuery": f"SELECT {number} AS n"}) for number in range(5)]
    assert [ended(world, run, seconds=90)["status"]["phase"] for run in runs] == ["SUCCESS"] * 5
