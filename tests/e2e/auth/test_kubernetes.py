"""Tokens of a real Kubernetes API: a caller may do over REST just what kubectl lets them."""

import time

import pytest

from headrace.names import GROUP

PIPELINES = f"etlpipelines.{GROUP}"
NEW = {"target_table": "analytics.t", "source_query": "SELECT 1 AS id", "key_columns": ["id"]}
GET_ONE = {"apiGroups": [GROUP], "resources": ["etlpipelines"], "verbs": ["get"]}
MAKE_RUNS = {"apiGroups": [GROUP], "resources": ["etlruns"], "verbs": ["create"]}


@pytest.fixture(scope="module")
def tokens(place):
    """Of nobody in particular, and of the roles for people."""
    return {role: place.token_of(None if role == "none" else role) for role in ("none", "view", "edit", "admin")}


@pytest.fixture(scope="module")
def pipeline(place):
    return place.pipeline()


@pytest.fixture(scope="module")
def ids(place, pipeline):
    """Of what is there, for the paths of all calls; a run has nobody to make it here."""

    def made(kind, **spec):
        body = {"apiVersion": f"{GROUP}/v1alpha1", "kind": kind, "metadata": {"generateName": "a-"}, "spec": spec}
        return place.kubectl.create(body)["metadata"]

    schedule = made("EtlSchedule", pipeline=pipeline["metadata"]["name"], expression="0 2 * * *")
    backfill = made(
        "EtlBackfill", schedule=schedule["name"], **{"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
    )
    return {
        "pipeline_id": pipeline["metadata"]["uid"], "run_id": pipeline["metadata"]["uid"],
        "project_id": made("EtlProject", name="a project")["uid"], "schedule_id": schedule["uid"],
        "backfill_id": backfill["uid"],
        "source_id": made("EtlSource", name="a source", host="films.invalid", database="films")["uid"],
        "destination_id": made("EtlDestination", name="a destination", host="films.invalid", database="films")["uid"],
    }  # fmt: skip


BY_A_RUN = {"list_source_tables"}
"""A run looks: who may make none sees none."""
OF_A_RUN = {"get_pipeline_run", "get_run", "list_run_tasks", "list_run_logs"}


def calls(server, ids):
    """Method and path (below the prefix) of every call of the schema that is not open."""
    schema = server.api(None)._http.get(f"{server.address}/openapi.json").json()
    for template, operations in schema["paths"].items():
        for method, operation in operations.items():
            if operation["security"]:
                yield method.upper(), template.removeprefix("/api/v1").format(**ids), operation["operationId"]


def test_every_call_is_closed_to_strangers_and_to_those_without_rights(server, tokens, pipeline, ids):
    asked, stranger, nobody = 0, server.api(None), server.api(tokens["none"])
    for known in (ids, dict.fromkeys(ids, "unknown")):
        for method, path, name in calls(server, known):
            assert stranger.request(method, path).status_code == 401, (method, path)
            answer = nobody.request(method, path)
            if name == "get_info":
                assert answer.status_code == 200
                continue
            asked += 1
            assert answer.status_code == 403, (method, path)
            assert answer.json()["error"]["code"] == "FORBIDDEN"
            assert " may not " in answer.json()["detail"]
            assert answer.json()["detail"].endswith(f".{GROUP} in namespace headrace")
            assert pipeline["metadata"]["name"] not in answer.text
    assert asked >= 80


def test_a_viewer_sees_all_and_changes_nothing(server, tokens, ids):
    api = server.api(tokens["view"])
    for method, path, name in calls(server, ids):
        answer = api.request(method, path, NEW if method in ("POST", "PUT") else None)
        expected = {200} if method == "GET" and name not in BY_A_RUN else {403}
        assert answer.status_code in expected | ({404} if name in OF_A_RUN else set()), (method, path)
    assert api.request("GET", "/pipelines/unknown").status_code == 404


def test_an_editor_works_and_what_they_did_is_written_down(server, place):
    account = place.account("edit")
    api = server.api(place.token(account))
    made = api.create(name="by an editor", **NEW)
    path = f"/pipelines/{made['id']}"
    assert api.call("PATCH", path, {"batch_size": 7})["batch_size"] == 7
    assert api.call("PUT", path, {"name": "by an editor", **NEW})["batch_size"] == 1000
    run_id = api.run(made["id"])["run_id"]
    assert api.pause(made["id"])["status"] in ("PAUSED", "PAUSE_REQUESTED")
    assert api.run(made["id"])["run_id"] == run_id
    assert api.request("POST", f"{path}/reconcile").status_code in (200, 202)
    assert api.request("GET", f"{path}/state").status_code == 200
    assert len(api.call("GET", f"{path}/runs")) == 1
    assert api.request("DELETE", path).status_code == 204
    user = f"system:serviceaccount:headrace:{account}"
    audit = [line for line in server.lines("audit") if line["user"] == user]
    name = audit[0]["done"][0].split()[-1]
    assert [(line["method"], line["status"], line["done"]) for line in audit] == [
        ("POST", 201, [f"create etlpipelines {name}"]),
        ("PATCH", 200, [f"patch etlpipelines {name}"]),
        ("PUT", 200, [f"update etlpipelines {name}"]),
        ("POST", 200, [f"create etlruns {made['id']}-1"]),
        ("POST", 200, [f"patch etlpipelines {name}"]),
        ("POST", 200, [f"patch etlpipelines {name}"]),
        ("POST", 202, audit[6]["done"]),
        ("DELETE", 204, [f"delete etlpipelines {name}"]),
    ]
    assert audit[6]["done"][0].startswith(f"create etlruns {made['id']}-reconcile-")
    assert {line["client"] for line in audit} == {"127.0.0.1"}
    assert all(line["request_id"] for line in audit)
    assert user in {line["user"] for line in server.lines("request")}


@pytest.mark.parametrize(
    "verbs",
    [{"get"}, {"list"}, {"create"}, {"update"}, {"patch"}, {"delete"}],
    ids=" ".join,
)
def test_one_right_opens_what_kubectl_opens_with_it(server, place, pipeline, verbs):
    """Whoever may do one thing to pipelines may do just that, as `kubectl auth can-i` has it."""
    account = place.account(None, {"apiGroups": [GROUP], "resources": ["etlpipelines"], "verbs": [*verbs]})
    api = server.api(place.token(account))
    uid = (place.pipeline() if "delete" in verbs else pipeline)["metadata"]["uid"]
    tried = {
        "get": api.request("GET", f"/pipelines/{uid}"),
        "list": api.request("GET", "/pipelines"),
        "create": api.request("POST", "/pipelines", {"name": f"made by {account}", **NEW}),
        "update": api.request("PUT", f"/pipelines/{uid}", {"name": f"put by {account}", **NEW}),
        "patch": api.request("PATCH", f"/pipelines/{uid}", {"batch_size": 3}),
        "delete": api.request("DELETE", f"/pipelines/{uid}"),
    }
    opened = {name for name, answer in tried.items() if answer.status_code != 403}
    assert opened == place.verbs(account, PIPELINES) == verbs
    assert all(tried[name].is_success for name in opened)


def test_a_right_to_one_pipeline_is_to_that_one(server, place):
    mine, other = place.pipeline()["metadata"], place.pipeline()["metadata"]
    rule = {**GET_ONE, "verbs": ["get", "patch"], "resourceNames": [mine["name"]]}
    api = server.api(place.token_of(None, rule))
    assert api.request("GET", f"/pipelines/{mine['uid']}").status_code == 200
    assert api.request("PATCH", f"/pipelines/{mine['uid']}", {"batch_size": 2}).status_code == 200
    assert api.request("POST", f"/pipelines/{mine['uid']}/pause").status_code == 200
    for path in (f"/pipelines/{other['uid']}", "/pipelines/unknown", "/pipelines"):
        assert api.request("GET", path).status_code == 403, path
    assert api.request("DELETE", f"/pipelines/{mine['uid']}").status_code == 403


def test_who_may_only_make_runs_makes_them_and_withdraws_no_pause(server, place):
    api = server.api(place.token_of(None, GET_ONE, MAKE_RUNS))
    free, paused = place.pipeline()["metadata"]["uid"], place.pipeline(suspend=True)["metadata"]["uid"]
    assert api.run(free)["run_id"]
    refused = api.request("POST", f"/pipelines/{paused}/run")
    assert refused.status_code == 403
    assert refused.json()["detail"].endswith(f"may not patch etlpipelines.{GROUP} in namespace headrace")
    runs = place.kubectl.list("etlruns")
    assert [run for run in runs if run["metadata"]["name"].startswith(paused)] == []


def test_the_answer_of_a_run_shows_its_pipeline_to_those_who_may_see_it(server, place):
    api = server.api(place.token_of(None, MAKE_RUNS))
    assert api.request("POST", f"/pipelines/{place.pipeline()['metadata']['uid']}/run").status_code == 403


def test_a_right_that_is_taken_away_is_gone_in_seconds(server, place):
    account = place.account("view")
    api = server.api(place.token(account))
    assert api.request("GET", "/pipelines").status_code == 200
    place.kubectl.run("delete", "rolebinding", account)
    deadline = time.monotonic() + 15
    while api.request("GET", "/pipelines").status_code != 403:
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_the_token_of_an_account_that_is_gone_is_refused(server, place):
    account = place.account("view")
    token = place.token(account)
    place.kubectl.run("delete", "serviceaccount", account)
    answer = server.api(token).request("GET", "/pipelines")
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("how", ["foreign audience", "changed", "junk"])
def test_a_token_that_the_cluster_does_not_know_is_refused(server, place, how):
    account = place.account("admin")
    good = place.token(account)
    head, body, signature = good.split(".")
    bad = {
        "foreign audience": place.token(account, audience="elsewhere"),
        "changed": f"{head}.{body}.{signature[:-8]}AAAAAAAA",
        "junk": "junk",
    }
    answer = server.api(bad[how]).request("GET", "/pipelines")
    assert answer.status_code == 401
    assert "not valid for this cluster" in answer.json()["detail"]
    assert server.api(good).request("GET", "/pipelines").status_code == 200


def test_an_audience_of_its_own_takes_no_other_tokens(place):
    account = place.account("view")
    with place.serve(auth_mode="kubernetes", auth_audiences=("headrace", "other")) as server:
        assert server.api(place.token(account, audience="headrace")).request("GET", "/pipelines").status_code == 200
        for_the_cluster = server.api(place.token(account)).request("GET", "/pipelines")
    assert for_the_cluster.status_code == 401
    assert for_the_cluster.json()["detail"] == "The token is for another audience"


def test_callers_can_be_asked_who_they_are_with_their_own_tokens(place):
    """For an installation without any ClusterRole; and our own certificate, which is at hand, makes nobody us."""
    viewer, nobody = place.account("view"), place.account(None)
    with place.serve(auth_mode="kubernetes", auth_review="self") as server:
        seen = {
            "viewer": server.api(place.token(viewer)).request("GET", "/pipelines"),
            "nobody": server.api(place.token(nobody)).request("GET", "/pipelines"),
            "junk": server.api("junk").request("GET", "/pipelines"),
            "foreign": server.api(place.token(viewer, audience="elsewhere")).request("GET", "/pipelines"),
        }
        assert {name: answer.status_code for name, answer in seen.items()} == {
            "viewer": 200,
            "nobody": 403,
            "junk": 401,
            "foreign": 401,
        }
        assert f"system:serviceaccount:headrace:{nobody} may not list" in seen["nobody"].json()["detail"]


def test_without_the_right_to_ask_nobody_gets_in(place):
    """The operator's identity may neither review tokens nor access."""
    token = place.token_of("admin")
    for review in ("token", "self"):
        with place.serve(identity="operator", auth_mode="kubernetes", auth_review=review) as server:
            answer = server.api(token).request("GET", "/pipelines")
            assert answer.status_code == 503
            assert answer.json()["detail"] == "Kubernetes refuses our credentials or a right is missing"
            assert server.api(None).request("GET", "/health").status_code == 200
