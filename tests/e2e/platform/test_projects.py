"""Projects: making, changing, deleting them, and what they show of their pipelines."""

import uuid

import pytest
from tests.e2e.platform.client import condition, moment, refused


def name():
    return f"project {uuid.uuid4().hex[:10]}"


def test_a_project_is_made_read_changed_and_deleted(platform, world):
    wanted = name()
    answer = world.api.request("POST", "/projects", {"name": wanted, "description": "all films", "owner": "team"})
    assert answer.status_code == 201, answer.text
    made = answer.json()["data"]
    assert answer.headers["Location"].endswith(f"/projects/{made['id']}")
    assert (made["name"], made["description"], made["owner"], made["pipelines"]) == (wanted, "all films", "team", [])
    assert moment(made["created_at"])
    assert platform.get(f"/projects/{made['id']}/") == made
    answer = world.api.request("PUT", f"/projects/{made['id']}", {"owner": "another team"})
    assert answer.status_code == 200, answer.text
    changed = answer.json()["data"]
    assert changed == {**made, "owner": "another team"} | {k: v for k, v in changed.items() if k == "updated_at"}
    answer = world.api.request("PUT", f"/projects/{made['id']}", {"description": None})
    assert answer.json()["data"]["description"] is None
    assert world.api.request("DELETE", f"/projects/{made['id']}").status_code == 204
    refused(world.api.request("GET", f"/projects/{made['id']}"), 404, "NOT_FOUND")
    refused(world.api.request("DELETE", f"/projects/{made['id']}"), 404, "NOT_FOUND")


def test_a_name_is_taken_once(platform, world, together):
    wanted = name()
    answers = list(
        together.map(lambda api: api.request("POST", "/projects", {"name": wanted}), [world.api, world.other_api] * 5)
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    other = platform.project()
    body = refused(world.api.request("PUT", f"/projects/{other['id']}", {"name": wanted}), 409, "CONFLICT")
    assert "name" in body["detail"]
    # Case counts, and a renamed project's first name is free again.
    assert world.api.request("POST", "/projects", {"name": wanted.upper()}).status_code == 201
    first = other["name"]
    assert world.api.request("PUT", f"/projects/{other['id']}", {"name": name()}).status_code == 200
    assert world.api.request("POST", "/projects", {"name": first}).status_code == 201


def test_a_project_shows_its_pipelines_and_their_tasks(platform, world):
    project = platform.project()
    plain = platform.pipeline(project)
    drawn = platform.pipeline(
        project,
        nodes=[{"id": "save", "type": "load"}, {"id": "films", "type": "extract"}],
        edges=[{"from": "films", "to": "save"}],
    )
    assert (plain["project_id"], drawn["project_id"]) == (project["id"], project["id"])
    assert drawn["edges"] == [{"from": "films", "to": "save"}]
    shown = {p["id"]: p for p in platform.get(f"/projects/{project['id']}")["pipelines"]}
    assert shown == {
        plain["id"]: {"id": plain["id"], "name": plain["name"], "nodes": ["extract", "transform", "load"]},
        drawn["id"]: {"id": drawn["id"], "name": drawn["name"], "nodes": ["films", "save"]},
    }
    found = world.api.request("GET", "/pipelines", params={"project_id": project["id"]}).json()
    assert {p["id"] for p in found} == {plain["id"], drawn["id"]}
    body = refused(world.api.request("DELETE", f"/projects/{project['id']}"), 409, "CONFLICT")
    assert "pipeline" in body["detail"]
    for pipeline in (plain, drawn):
        assert world.api.call("PATCH", f"/pipelines/{pipeline['id']}", {"project_id": None})["project_id"] is None
    assert world.api.request("DELETE", f"/projects/{project['id']}").status_code == 204


def test_projects_are_listed_in_pages_sorted_and_by_owner(platform, world):
    owner = f"owner {uuid.uuid4().hex[:8]}"
    made = [platform.project(owner=owner) for _ in range(3)]
    ids = [project["id"] for project in made]
    found, meta = platform.list("/projects", owner=owner)
    assert [p["id"] for p in found] == ids[::-1]
    assert (meta["total"], meta["limit"], meta["offset"]) == (3, 50, 0)
    found, meta = platform.list("/projects", owner=owner, sort="created_at", limit=1, offset=1)
    assert ([p["id"] for p in found], meta["total"]) == ([ids[1]], 3)
    names = [p["name"] for p in platform.list("/projects", owner=owner, sort="-name")[0]]
    assert names == sorted(names, reverse=True)
    assert platform.list("/projects", owner="nobody at all")[0] == []


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"limit": 0}, "limit"), ({"limit": 101}, "limit"), ({"limit": "many"}, "limit"), ({"offset": -1}, "offset"),
        ({"sort": "colour"}, "sort"), ({"sort": "--name"}, "sort"),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("path", ["/projects", "/runs", "/schedules"])
def test_a_page_out_of_bounds_is_refused(world, path, params, field):
    refused(world.api.request("GET", path, params=params), 422, "VALIDATION_ERROR", field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"), ({"name": ""}, "name"), ({"name": " a"}, "name"), ({"name": "x" * 201}, "name"),
        ({"name": 5}, "name"), ({"name": "a", "owner": ""}, "owner"), ({"name": "a", "colour": "red"}, "colour"),
        ({"name": "a\nb"}, "name"), ({"name": None}, "name"),
    ],
    ids=str,
)  # fmt: skip
def test_a_bad_project_is_refused_by_its_field(platform, world, body, field):
    refused(world.api.request("POST", "/projects", body), 422, "VALIDATION_ERROR", field)
    if body:
        made = platform.project()
        refused(world.api.request("PUT", f"/projects/{made['id']}", body), 422, "VALIDATION_ERROR", field)


@pytest.mark.parametrize("project", ["none", "00000000-0000-0000-0000-000000000000", "a%2Fb", "x" * 300])
def test_a_project_that_is_not_there_is_not_found(world, project):
    for method, path, body in (
        ("GET", "", None), ("PUT", "", {"owner": "a"}), ("DELETE", "", None), ("GET", "/statistics", None),
    ):  # fmt: skip
        refused(world.api.request(method, f"/projects/{project}{path}", body), 404, "NOT_FOUND")


def test_a_pipeline_of_a_project_that_is_not_there_is_refused(world):
    body = {**world.spec(), "project_id": "00000000-0000-0000-0000-000000000000"}
    refused(world.api.request("POST", "/pipelines", body), 422, "VALIDATION_ERROR", "project_id")


FAULTS = {
    "a circle": ({"nodes": [{"id": "a", "type": "x"}], "edges": [{"from": "a", "to": "a"}]}, "edges", "in a circle"),
    "an unknown name": ({"nodes": [{"id": "a", "type": "x"}], "edges": [{"from": "a", "to": "b"}]}, "edges", "no node"),
    "an id twice": ({"nodes": [{"id": "a", "type": "x"}] * 2}, "nodes", "two nodes have the id 'a'"),
}


@pytest.mark.parametrize(("fields", "field", "says"), FAULTS.values(), ids=FAULTS.keys())
def test_tasks_without_an_order_are_refused_in_both_ways(world, fields, field, says):
    """By REST with 422; by kubectl with a condition that names what is wrong."""
    refused(world.api.request("POST", "/pipelines", {**world.spec(), **fields}), 422, "VALIDATION_ERROR", field)
    manifest = world.manifest({**world.spec(), **fields})
    world.kubectl.apply(manifest)
    found = world.wait_for_resource(
        "etlp", manifest["metadata"]["name"], lambda p: condition(p, "Ready").get("status") == "False"
    )
    assert condition(found, "Ready")["reason"] == "InvalidSpec"
    assert says in condition(found, "Ready")["message"]


def test_statistics_of_a_project_are_about_its_runs(platform, world):
    project = platform.project()
    assert platform.get(f"/projects/{project['id']}/statistics") == {
        "total_pipelines": 0, "total_runs": 0, "success_rate": None, "average_run_seconds": None,
    }  # fmt: skip
    good, bad = platform.pipeline(project), platform.pipeline(project, source_query="SELECT 1 / 0 AS id")
    world.done(good, world.api.run(good["id"])["run_id"])
    run = world.api.run(bad["id"])
    assert world.api.wait_for_end(bad["id"], run["run_id"])["status"] == "FAILED"
    found = platform.get(f"/projects/{project['id']}/statistics")
    assert (found["total_pipelines"], found["total_runs"], found["success_rate"]) == (2, 2, 0.5)
    assert found["average_run_seconds"] > 0


def test_what_kubectl_makes_shows_in_the_api_and_the_other_way_round(platform, world):
    wanted = name()
    manifest = {
        "apiVersion": "headrace.dev/v1alpha1", "kind": "EtlProject",
        "metadata": {"name": f"p-{uuid.uuid4().hex[:8]}"}, "spec": {"name": wanted, "owner": "ops"},
    }  # fmt: skip
    world.kubectl.apply(manifest)
    resource = world.wait_for_resource(
        "etlj", manifest["metadata"]["name"], lambda p: condition(p, "Ready").get("status") == "True"
    )
    shown = platform.get(f"/projects/{resource['metadata']['uid']}")
    assert (shown["name"], shown["owner"]) == (wanted, "ops")
    refused(world.api.request("POST", "/projects", {"name": wanted}), 409, "CONFLICT")
    body = world.manifest({**world.spec(), "project": manifest["metadata"]["name"]})
    world.kubectl.apply(body)
    pipeline = world.wait_for_resource(
        "etlp", body["metadata"]["name"], lambda p: condition(p, "ProjectFound").get("status") == "True"
    )
    assert world.api.pipeline(pipeline["metadata"]["uid"])["project_id"] == shown["id"]
    world.wait_for_resource(
        "etlj", manifest["metadata"]["name"], lambda p: (p.get("status") or {}).get("pipelines") == 1
    )
    # By kubectl nothing keeps it: the pipeline goes on, and says that its project is gone.
    world.kubectl.run("delete", "etlj", manifest["metadata"]["name"])
    world.wait_for_resource(
        "etlp", body["metadata"]["name"], lambda p: condition(p, "ProjectFound").get("status") == "False"
    )
    assert world.api.pipeline(pipeline["metadata"]["uid"])["project_id"] is None
    run = world.api.run(pipeline["metadata"]["uid"])
    assert world.api.wait_for_end(pipeline["metadata"]["uid"], run["run_id"])["status"] == "SUCCESS"


def test_the_younger_of_two_projects_of_one_name_says_so(world):
    wanted = name()
    names = sorted(f"p-{uuid.uuid4().hex[:8]}" for _ in range(2))
    for each in names:
        world.kubectl.apply({
            "apiVersion": "headrace.dev/v1alpha1", "kind": "EtlProject", "metadata": {"name": each},
            "spec": {"name": wanted},
        })  # fmt: skip
        world.wait_for_resource("etlj", each, lambda p: condition(p, "Ready"))
    reasons = {each: condition(world.kubectl.get("etlj", each), "Ready")["reason"] for each in names}
    assert sorted(reasons.values()) == ["DuplicateName", "Valid"]
