"""Sources and destinations by REST: every call with every status."""

import uuid

import pytest
from tests.e2e.platform.client import moment, refused
from tests.e2e.replication.client import DESTINATIONS, SOURCES

both = pytest.mark.parametrize("of", [SOURCES, DESTINATIONS], ids=str)
SECRET = f"geheim-{uuid.uuid4().hex}"
NOBODY = str(uuid.uuid4())


@both
def test_one_is_made_read_replaced_and_deleted(replication, world, connections, of):
    login = connections.role()
    body = replication.body(of, username=login.name, password=login.password, options={"connect_timeout": 5})
    answer = replication.request("POST", of, body=body)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert answer.headers["Location"].endswith(f"{of.path}/{made['id']}")
    expected = {**body, "options": {"connect_timeout": "5"}, "ca": None, "password_secret": None, "has_password": True}
    del expected["password"]
    assert made.items() >= expected.items()
    assert (made["ready"], made["pipelines"]) == (None, 0)
    assert moment(made["created_at"]) == moment(made["updated_at"])
    assert replication.password(of, made) == login.password
    ready = replication.wait(of, made, ready=True)
    assert ready["server_version"]
    assert world.api.call("GET", f"{of.path}/{made['id']}/")["id"] == made["id"]

    wanted = replication.body(of, username=login.name, options={"sslmode": "prefer"})
    replaced = replication.call("PUT", of, made, wanted)
    assert (replaced["id"], replaced["name"]) == (made["id"], wanted["name"])
    assert (replaced["options"], replaced["has_password"]) == ({"sslmode": "prefer"}, True)
    assert moment(replaced["updated_at"]) > moment(made["updated_at"])
    assert replaced["created_at"] == made["created_at"]
    assert replication.password(of, made) == login.password
    again = replication.call("PUT", of, made, wanted)
    assert again["updated_at"] == replaced["updated_at"]

    assert replication.request("DELETE", of, made).status_code == 204
    assert replication.secrets(made) == {}
    for method, sent in (("GET", None), ("PUT", wanted), ("DELETE", None)):
        body = refused(replication.request(method, of, made, sent), 404, "NOT_FOUND")
        assert body["detail"] == f"{of.noun} not found"


@both
def test_a_name_is_taken_once(replication, world, together, of):
    body = replication.body(of)
    apis = [world.api, world.other_api] * 4
    answers = list(together.map(lambda api: api.request("POST", of.path, {**body, "password": SECRET}), apis))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    (made,) = [answer.json() for answer in answers if answer.status_code == 201]
    assert len(replication.secrets(made)) == 1
    other = replication.make(of)
    problem = refused(replication.request("PUT", of, other, body), 409, "CONFLICT", "name")
    assert problem["detail"] == f"{of.noun} with this name already exists"
    assert replication.make(of, name=body["name"].upper())["name"] == body["name"].upper()
    assert replication.request("DELETE", of, made).status_code == 204
    assert replication.make(of, name=body["name"])["name"] == body["name"]


BAD = {
    "port": [0, 65536, "5432"],
    "type": ["oracle", None, ""],
    "name": [None, "", " a", "a" * 201],
    "database": ["", 5, "a\x00b", f"postgresql://u:{SECRET}@h/d", f"dbname=x password={SECRET}"],
    "username": ["", "a\nb"],
    "options": [{"password": SECRET}, {"passfile": SECRET}, {"options": SECRET}, {"sslmode": SECRET}, SECRET, [SECRET]],
    "ca": [SECRET, "-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----"],
    "password": ["", f"{SECRET}\n", f"{SECRET}\x00", [SECRET], {"value": SECRET}, 17],
    "password_secret": [{"name": SECRET + "/x"}, {"name": "a", "value": SECRET}, SECRET],
    "pasword": [SECRET],
    "host": [
        None, "", "films.example.com/films", f"postgresql://reader:{SECRET}@films.example.com/films",
        f"reader:{SECRET}@films.example.com", "films.example.com:5432", "a b", "a,b",
    ],
}  # fmt: skip


@both
@pytest.mark.parametrize("field", BAD)
def test_what_has_the_wrong_shape_is_refused_by_its_field_and_not_repeated(replication, of, field):
    made = replication.make(of)
    for value in BAD[field]:
        for method, one in (("POST", None), ("PUT", made)):
            body = replication.body(of) | {field: value}
            answer = replication.request(method, of, one, body)
            problem = refused(answer, 422, "VALIDATION_ERROR", field)
            assert SECRET not in answer.text, (method, value)
            if field == "options" and value in ({"password": SECRET}, {"options": SECRET}):
                assert "sslmode" in problem["error"]["message"]
    assert replication.call("GET", of, made)["updated_at"] == made["updated_at"]
    assert replication.secrets(made) == {}


@both
def test_what_is_needed_is_named(replication, of):
    body = replication.body(of)
    for field in ("name", "type", "host", "database"):
        lacking = {name: value for name, value in body.items() if name != field}
        refused(replication.request("POST", of, body=lacking), 422, "VALIDATION_ERROR", field)


@both
def test_bodies_and_methods_that_no_call_takes(replication, world, of):
    made = replication.make(of)
    for method, path in (("PATCH", f"{of.path}/{made['id']}"), ("POST", f"{of.path}/{made['id']}"), ("PUT", of.path)):
        answer = world.api.request(method, path, {})
        refused(answer, 405, "METHOD_NOT_ALLOWED")
        assert "GET" in answer.headers["Allow"]
    answer = world.api.request("POST", of.path, content=b"name=x", headers={"Content-Type": "text/plain"})
    refused(answer, 415, "UNSUPPORTED_MEDIA_TYPE")
    answer = world.api.request("POST", of.path, content=b"{", headers={"Content-Type": "application/json"})
    refused(answer, 422, "VALIDATION_ERROR")
    for uid in (NOBODY, "unknown", "..%2f", "default"):
        assert replication.request("GET", of, uid).status_code == 404


@both
def test_a_list_is_filtered_sorted_and_paged(replication, of):
    mark = uuid.uuid4().hex[:8]
    made = [replication.make(of, name=f"{mark} {letter}") for letter in "bac"]

    def names(**params):
        return [each["name"][-1] for each in replication.call("GET", of, params={"q": mark, **params})]

    assert names() == ["c", "a", "b"]
    assert names(sort="name") == ["a", "b", "c"]
    assert names(sort="-name", limit=1, offset=1) == ["b"]
    assert names(q=mark.upper(), type="postgres", sort="name") == ["a", "b", "c"]
    answer = replication.request("GET", of, params={"q": mark, "limit": 1})
    assert (len(answer.json()), answer.headers["X-Total-Count"]) == (1, "3")
    assert answer.json()[0]["id"] == made[-1]["id"]
    bad = ("limit=0", "limit=501", "offset=-1", "sort=password", "type=oracle", "limit=x")
    for query in bad:
        name = query.split("=")[0]
        refused(replication.request("GET", of, params=dict([query.split("=")])), 422, "VALIDATION_ERROR", name)
    assert len(replication.call("GET", of, params={"limit": 500})) >= 3


@both
def test_what_a_pipeline_uses_is_not_deleted(replication, world, of):
    made = replication.make(of)
    pipelines = [world.api.create(**world.spec(**{f"{of.field}_id": made["id"]})) for _ in range(4)]
    assert replication.call("GET", of, made)["pipelines"] == 4
    problem = refused(replication.request("DELETE", of, made), 409, "CONFLICT")
    names = sorted(pipeline["name"] for pipeline in pipelines)
    assert problem["detail"] == (
        f"Cannot delete {of.field} while pipelines use it: '{names[0]}', '{names[1]}', '{names[2]}' and 1 more"
    )
    for pipeline in pipelines:
        assert world.api.request("DELETE", f"/pipelines/{pipeline['id']}").status_code == 204
    assert replication.request("DELETE", of, made).status_code == 204


@both
def test_the_default_is_one_of_them_and_used_by_those_that_name_none(replication, world, of):
    pipeline = world.pipeline()
    default = world.kubectl.get(of.kind, "default")
    shown = replication.call("GET", of, default["metadata"]["uid"])
    assert (shown["name"], shown["has_password"]) == (default["spec"]["name"], True)
    assert shown["pipelines"] >= 1
    ready = replication.wait(of, shown, ready=True)
    assert all(ready[name] for name in ("host", "port"))
    assert ready["database"] == of.database
    refused(replication.request("DELETE", of, shown), 409, "CONFLICT")
    body = replication.body(of, name=shown["name"])
    refused(replication.request("PUT", of, shown, body), 422, "VALIDATION_ERROR", "password")
    # What leads where it did, keeps the connection string with its password.
    same = {name: ready[name] for name in ("name", "type", "host", "port", "database", "username", "options")}
    assert replication.call("PUT", of, shown, same).items() >= {**same, "has_password": True}.items()
    spec = world.kubectl.get(of.kind, "default")["spec"]
    assert spec["connectionSecret"] == default["spec"]["connectionSecret"]
    listed = world.api.call("GET", "/pipelines", params={f"{of.field}_id": shown["id"], "q": pipeline["name"]})
    assert [one["id"] for one in listed] == [pipeline["id"]]
    assert world.api.request("DELETE", f"/pipelines/{pipeline['id']}").status_code == 204


@both
def test_what_kubectl_made_shows_and_can_be_changed(replication, world, connections, of):
    login = connections.role()
    manifest = connections.manifest(of.kind, login)
    connections.apply(manifest)
    (shown,) = replication.call("GET", of, params={"q": manifest["metadata"]["name"]})
    assert shown["password_secret"] == manifest["spec"]["passwordSecret"]
    assert shown["username"] == login.name
    body = replication.body(of, name=shown["name"])
    assert replication.call("PUT", of, shown, body)["has_password"]
    for removed in ("password", "password_secret"):
        reference = manifest["spec"]["passwordSecret"]
        again = replication.call("PUT", of, shown, {**body, "password_secret": reference})
        assert again["password_secret"] == reference
        changed = replication.call("PUT", of, shown, {**body, removed: None})
        assert (changed["has_password"], changed["password_secret"]) == (False, None)
    # It was somebody else's, and stays theirs.
    assert world.kubectl.get("secret", manifest["spec"]["passwordSecret"]["name"])["data"]
    world.kubectl.run("delete", of.kind, manifest["metadata"]["name"])
    assert replication.request("GET", of, shown).status_code == 404
