"""A source or destination goes while pipelines use it: what is at work ends well, and what is to come waits."""

import pytest
from tests.e2e.replication.connections import condition, secrets_of

from headrace_local.demo import runners
from headrace_local.waiting import wait_for


def ready(connections, pipeline, reason):
    """Waits until a pipeline is not ready for this reason."""
    manifest = {"kind": "EtlPipeline", "metadata": {"name": pipeline["resource"]}}
    found = connections.wait(manifest, "Ready", lambda seen: seen["reason"] == reason)
    return condition(found, "Ready")


@pytest.mark.slow
def test_ends_that_kubectl_deletes_break_no_run_and_the_next_waits_for_them(world, connections):
    login = connections.role()
    source, destination = connections.source(login), connections.destination(login)
    ends = {"source": source["metadata"]["name"], "destination": destination["metadata"]["name"]}
    made = world.applied(world.spec(rows=4_000, batch_size=50, max_rows_per_second=500, **ends))
    run = world.running(made)
    connections.delete(source)
    connections.delete(destination)
    # Another pod takes over, and has to connect once more.
    assert runners.kill(run)
    missing = ready(connections, made, "SourceMissing")
    assert (missing["status"], ends["source"] in missing["message"]) == ("False", True)
    assert world.done(made, run, seconds=120)["rows_read"] == 4_000
    assert world.differs(made) == ""

    again = world.kubectl.create(world.run_manifest(made["resource"]))["metadata"]
    world.source(f"INSERT INTO {made['source_query'].rpartition(' ')[2]} (id, name) VALUES (4001, 'meanwhile')")
    for reason, end in (("SourceMissing", source), ("DestinationMissing", destination)):
        found = world.wait_for_resource("etlr", again["name"], lambda one, word=reason: word in str(one.get("status")))
        assert found["status"]["phase"] == "PENDING"
        assert not world.jobs(again["uid"])
        connections.apply(end)
    assert world.done(made, again["uid"], seconds=90)["rows_written"] == 1
    assert world.differs(made) == ""
    ready(connections, made, "Valid")


@pytest.mark.parametrize(("path", "database", "field"), [
    ("sources", "source", "source_id"), ("destinations", "target", "destination_id"),
])  # fmt: skip
def test_one_in_use_is_not_deleted_by_rest_and_its_secret_goes_with_it(world, connections, path, database, field):
    login = connections.role()
    spec = {"name": f"{path} {login.name}", "type": "postgres", **connections.address, "database": database}
    made = world.api.call("POST", f"/{path}", {**spec, "username": login.name, "password": login.password})
    own = f"/{path}/{made['id']}"
    assert len(secrets_of(world, made["id"])) == 1
    pipeline = world.pipeline(rows=1, **{field: made["id"]})
    refused = world.api.request("DELETE", own)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "CONFLICT")
    world.api.call("DELETE", f"/pipelines/{pipeline['id']}")
    # The API may have to see first that the pipeline is gone.
    wait_for("it to be deleted", lambda: world.api.request("DELETE", own).is_success, seconds=15, every=0.5)
    assert world.api.request("GET", own).status_code == 404
    wait_for("its Secret to be gone", lambda: not secrets_of(world, made["id"]), seconds=60, every=1)
