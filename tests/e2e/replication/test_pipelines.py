"""Pipelines over sources and destinations, through the API: each field that names one, with every status code."""

import uuid

import pytest
from tests.e2e.platform.client import refused
from tests.e2e.replication.connections import condition

NOBODY = str(uuid.uuid4())


@pytest.fixture(scope="module")
def ends(world, connections):
    """A source, a destination in the same database, a destination of its own, and a search engine; by their ids."""
    login = connections.role()
    made = {
        "source": connections.source(login),
        "destination": connections.destination(login),
        "same place": connections.destination(login, database="source"),
        "search engine": connections.manifest("EtlDestination", type="elasticsearch", port=1, database=None),
    }
    connections.apply(made["search engine"])
    return {name: connections.uid(manifest) for name, manifest in made.items()}


def body(world, **fields):
    """Of a pipeline that reads a table of its own."""
    own = world.spec(source_query=None, source_table=fields.pop("source_table", None) or world.source_table(30))
    return {**own, **fields}


def test_a_table_is_read_from_a_source_and_written_to_a_destination(world, ends):
    sent = body(world, source_id=ends["source"], destination_id=ends["destination"])
    answer = world.api.request("POST", "/pipelines", sent)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made.items() >= sent.items()
    assert world.api.pipeline(made["id"]) == made
    spec = world.resource("etlp", made["id"])["spec"]
    assert spec["source"].startswith("source-")
    assert spec["destination"].startswith("destination-")
    assert "sourceQuery" not in spec
    run = world.api.call("POST", f"/pipelines/{made['id']}/start")
    assert world.done(made, run["run_id"])["rows_written"] == 30
    assert world.differs({**made, "source_query": f"SELECT * FROM {sent['source_table']}"}) == ""
    assert world.api.call("POST", f"/pipelines/{made['id']}/pause")["status"] == "PAUSED"
    assert world.api.request("DELETE", f"/pipelines/{made['id']}").status_code == 204


def test_null_is_the_default_and_the_default_has_an_id_too(world):
    made = world.api.create(**body(world))
    assert (made["source_id"], made["destination_id"], made["source_query"]) == (None, None, None)
    default = world.kubectl.get("etlsource", "default")["metadata"]["uid"]
    named = world.api.call("PATCH", f"/pipelines/{made['id']}", {"source_id": default})
    assert named["source_id"] == default
    assert world.done(made, world.api.run(made["id"])["run_id"])["rows_read"] == 30


def test_a_patch_names_others_and_null_goes_back_to_the_default(world, ends):
    made = world.api.create(**body(world))
    path, named = f"/pipelines/{made['id']}", {"source_id": ends["source"], "destination_id": ends["destination"]}
    assert world.api.call("PATCH", path, named).items() >= named.items()
    assert world.api.call("PATCH", path, {"batch_size": 7}).items() >= named.items()
    back = world.api.call("PATCH", path, {"source_id": None})
    assert (back["source_id"], back["destination_id"]) == (None, ends["destination"])
    put = world.api.call("PUT", path, body(world, source_id=ends["source"]))
    assert (put["source_id"], put["destination_id"], put["batch_size"]) == (ends["source"], None, 1000)


def test_a_query_takes_the_place_of_a_table_and_the_other_way_round(world):
    made = world.pipeline(rows=1)
    path, table = f"/pipelines/{made['id']}", world.source_table(1)
    assert world.api.call("PATCH", path, {"source_table": None}) == made
    changed = world.api.call("PATCH", path, {"source_table": table})
    assert (changed["source_query"], changed["source_table"]) == (None, table)
    refused(world.api.request("PATCH", path, {"source_table": None}), 422, "VALIDATION_ERROR", "source_query")
    changed = world.api.call("PATCH", path, {"source_query": made["source_query"]})
    assert (changed["source_query"], changed["source_table"]) == (made["source_query"], None)
    both = {"source_table": table, "source_query": made["source_query"]}
    refused(world.api.request("PATCH", path, both), 422, "VALIDATION_ERROR", "source_table")
    assert world.api.pipeline(made["id"]) == changed


WRONG = {
    "an unknown source": ({"source_id": NOBODY}, "source_id"),
    "a source that is no id": ({"source_id": "default"}, "source_id"),
    "no source at all": ({"source_id": ""}, "source_id"),
    "a source of another type": ({"source_id": 5}, "source_id"),
    "a destination as a source": ({"source_id": "{destination}"}, "source_id"),
    "an unknown destination": ({"destination_id": NOBODY}, "destination_id"),
    "a source as a destination": ({"destination_id": "{source}"}, "destination_id"),
    "a table into a search engine": ({"destination_id": "{search engine}"}, "destination_id"),
    "an index into a database": ({"destination_id": "{destination}", "target_table": "es:test-x"}, "destination_id"),
    "a table that is its own target": (
        {
            "source_id": "{source}", "destination_id": "{same place}",
            "source_table": "analytics.same", "target_table": "analytics.same",
        },
        "source_table",
    ),
    "a table and a query": ({"source_table": "shop.t", "source_query": "SELECT 1 AS id"}, "source_table"),
    "no schema": ({"source_table": "t"}, "source_table"),
    "quotes": ({"source_table": 'shop."t"'}, "source_table"),
    "an index as a source": ({"source_table": "es:t"}, "source_table"),
    "an empty table": ({"source_table": ""}, "source_table"),
    "a list of tables": ({"source_table": ["shop.t"]}, "source_table"),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "field"), WRONG.values(), ids=WRONG.keys())
def test_what_is_unknown_or_does_not_fit_is_refused_by_its_field_and_changes_nothing(world, ends, fields, field):
    sent = {name: value.format(**ends) if isinstance(value, str) else value for name, value in fields.items()}
    made = world.api.create(**body(world))
    path = f"/pipelines/{made['id']}"
    whole = {**body(world), **sent}
    answers = [
        world.api.request("POST", "/pipelines", whole),
        world.api.request("PATCH", path, sent),
        world.api.request("PUT", path, whole),
    ]
    for answer in answers:
        refused(answer, 422, "VALIDATION_ERROR", field)
    assert world.api.pipeline(made["id"]) == made


def test_neither_a_table_nor_a_query_is_refused(world):
    refused(
        world.api.request("POST", "/pipelines", world.spec(source_query=None)), 422, "VALIDATION_ERROR", "source_query"
    )


def test_the_list_is_filtered_by_what_pipelines_name(world, ends):
    read, written = (
        world.api.create(**body(world, **{f"{name}_id": ends[name]})) for name in ("source", "destination")
    )

    def listed(query):
        answer = world.other_api.request("GET", f"/pipelines?{query}")
        assert answer.status_code == 200, answer.text
        assert int(answer.headers["X-Total-Count"]) == len(answer.json())
        return {one["id"] for one in answer.json()}

    of_source, of_destination = listed(f"source_id={ends['source']}"), listed(f"destination_id={ends['destination']}")
    assert read["id"] in of_source - of_destination
    assert written["id"] in of_destination - of_source
    for query in (f"source_id={NOBODY}", "source_id=x", f"destination_id={ends['source']}", "source_id="):
        assert listed(query) == set()
    sorted_by = world.api.call("GET", "/pipelines?sort=source_id")
    named = [one["source_id"] is not None for one in sorted_by]
    assert named == sorted(named, reverse=True)


def test_what_kubectl_names_shows_by_its_id_and_what_is_not_there_as_null(world, ends):
    source = world.resource("etlsource", ends["source"])["metadata"]["name"]
    sent = {name: value for name, value in body(world).items() if value is not None}
    found = world.applied({**sent, "source": source, "destination": "nowhere"})
    shown = world.api.pipeline(found["id"])
    assert (shown["source_id"], shown["destination_id"]) == (ends["source"], None)
    assert shown["source_table"] == sent["source_table"]
    ready = condition(world.kubectl.get("etlp", found["resource"]), "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "DestinationMissing")
    assert "nowhere" in ready["message"]
    # What is not spoken of stays.
    changed = world.api.call("PATCH", f"/pipelines/{found['id']}", {"batch_size": 7})
    assert world.kubectl.get("etlp", found["resource"])["spec"]["destination"] == "nowhere"
    assert changed["destination_id"] is None
    # What was read is not enough to send back: null would lead to another destination.
    whole = {name: changed[name] for name in (*body(world), "source_id", "destination_id")}
    answer = world.api.request("PUT", f"/pipelines/{found['id']}", whole)
    problem = refused(answer, 422, "VALIDATION_ERROR", "destination_id")
    assert problem["error"]["message"] == "destination 'nowhere' is missing: name one"
    assert world.kubectl.get("etlp", found["resource"])["spec"]["destination"] == "nowhere"
    path, named = f"/pipelines/{found['id']}", {**whole, "destination_id": ends["destination"]}
    assert world.api.call("PUT", path, named)["destination_id"] == ends["destination"]


def test_a_table_that_is_its_own_target_is_a_condition_by_kubectl(world, ends):
    source = world.resource("etlsource", ends["source"])["metadata"]["name"]
    same = world.resource("etldestination", ends["same place"])["metadata"]["name"]
    sent = {"name": f"same {uuid.uuid4().hex[:8]}", "source_table": "analytics.same", "target_table": "analytics.same"}
    found = world.applied({**sent, "source": source, "destination": same})
    ready = condition(world.kubectl.get("etlp", found["resource"]), "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "SameTable")


def test_a_pipeline_at_work_is_not_given_another_source(world, ends):
    with world.held_pipeline() as (made, let_go):
        run_id = world.api.run(made["id"])["run_id"]
        world.api.wait_for_status(made["id"], "RUNNING")
        answer = world.api.request("PATCH", f"/pipelines/{made['id']}", {"source_id": ends["source"]})
        refused(answer, 409, "CONFLICT")
        let_go()
        world.done(made, run_id)
    assert world.api.call("PATCH", f"/pipelines/{made['id']}", {"source_id": ends["source"]})["source_id"]
