"""What only destinations can be: search engines."""

from tests.e2e.platform.client import refused
from tests.e2e.replication.client import DESTINATIONS, SOURCES

SEARCH = {"type": "elasticsearch", "host": "search.invalid", "port": None}


def test_a_search_engine_needs_no_database_and_has_its_own_port_and_options(replication):
    made = replication.make(DESTINATIONS, database=None, options={"scheme": "http", "verify": False}, **SEARCH)
    assert (made["type"], made["port"], made["database"]) == ("elasticsearch", 9200, None)
    assert made["options"] == {"scheme": "http", "verify": "false"}
    found = replication.call("GET", DESTINATIONS, params={"type": "elasticsearch", "q": made["name"]})
    assert [each["id"] for each in found] == [made["id"]]
    assert replication.call("GET", DESTINATIONS, params={"type": "postgres", "q": made["name"]}) == []


def test_an_api_key_is_a_password_without_a_username(replication):
    made = replication.make(DESTINATIONS, password="an API key", **SEARCH)
    assert replication.password(DESTINATIONS, made) == "an API key"
    assert replication.wait(DESTINATIONS, made, ready=False)["message"]


def test_it_takes_no_options_of_postgres(replication):
    for options in ({"sslmode": "require"}, {"verify": "perhaps"}, {"api_key": "x"}):
        body = replication.body(DESTINATIONS, options=options, **SEARCH)
        problem = refused(replication.request("POST", DESTINATIONS, body=body), 422, "VALIDATION_ERROR", "options")
        assert "scheme" in str(problem) or "verify" in str(problem)


def test_what_pipelines_write_to_does_not_become_another_kind_of_server(replication, world):
    made = replication.make(DESTINATIONS)
    pipeline = world.api.create(**world.spec(destination_id=made["id"]))
    search = replication.body(DESTINATIONS, name=made["name"], database=None, **SEARCH)
    problem = refused(replication.request("PUT", DESTINATIONS, made, search), 409, "CONFLICT", "type")
    assert problem["detail"].endswith(f"while pipelines use it: '{pipeline['name']}'")
    assert world.api.request("DELETE", f"/pipelines/{pipeline['id']}").status_code == 204
    assert replication.call("PUT", DESTINATIONS, made, search)["type"] == "elasticsearch"


def test_it_is_no_source(replication):
    body = replication.body(SOURCES, **SEARCH)
    refused(replication.request("POST", SOURCES, body=body), 422, "VALIDATION_ERROR", "type")


def test_only_sources_have_thresholds_for_their_wal(replication):
    for field, value in (("wal", {}), ("max_connections", 5)):
        body = replication.body(DESTINATIONS, host="a", **{field: value})
        refused(replication.request("POST", DESTINATIONS, body=body), 422, "VALIDATION_ERROR", field)
