"""A run writes only where the installation allows it, whatever the store says; and the source's role is looked at."""

import psycopg

from headrace_local import films


def condition(pipeline, type_="SourceReadOnly"):
    found = [one for one in pipeline["status"].get("conditions", []) if one["type"] == type_]
    return found[0] if found else {}


def test_a_run_whose_specification_was_changed_in_the_store_writes_nowhere_else(world):
    """While it is paused: its pod is started anew, and reads the specification again."""
    made = world.slow_pipeline(seconds=8)
    run = world.running(made)
    world.api.pause(made["id"])
    world.api.wait_for_status(made["id"], "PAUSED")
    with psycopg.connect(world.store_dsn, autocommit=True) as store:
        moved = "jsonb_set(spec::jsonb, '{target_schema}', '\"public\"')"
        store.execute(f"UPDATE headrace.runs SET spec = {moved} WHERE run_id = %s", (run,))
    world.api.run(made["id"])
    ended = world.api.wait_for_end(made["id"], run, seconds=90)
    assert ended["status"] == "FAILED"
    table = made["target_table"].removeprefix("analytics.")
    assert ended["error_message"].startswith(f"target_table 'public.{table}' is not allowed")
    assert world.target(f"SELECT to_regclass('public.{table}')") == [(None,)]


def test_the_sources_role_is_seen_to_only_read_and_seen_when_it_could_write(world):
    made = world.pipeline(rows=3)
    table = made["source_query"].rpartition(" ")[2]
    name = world.resource("etlp", made["id"])["metadata"]["name"]
    assert condition(world.kubectl.get("etlp", name)) == {}
    world.done(made, world.api.run(made["id"])["run_id"])
    found = world.wait_for_resource("etlp", name, condition)
    assert (condition(found)["status"], condition(found)["reason"]) == ("True", "SourceOnlyReads")
    assert condition(found, "Degraded")["status"] == "False"
    reader = psycopg.conninfo.conninfo_to_dict(films.source_of(world.status.source_dsn))["user"]
    world.source(f"GRANT DELETE ON {table} TO {reader}")
    try:
        world.done(made, world.api.run(made["id"])["run_id"])
        found = world.wait_for_resource("etlp", name, lambda one: condition(one).get("status") == "False")
    finally:
        world.source(f"REVOKE DELETE ON {table} FROM {reader}")
    assert condition(found)["reason"] == "SourceCouldWrite"
    assert f"has DELETE on {table}" in condition(found)["message"]
    assert condition(found, "Degraded")["status"] == "False", "a run does not fail for it"
