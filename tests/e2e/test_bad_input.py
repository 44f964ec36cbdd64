"""Bad input gets a clear error where it belongs, from the API and from kubectl: nothing written, no secret shown."""

import pytest

from headrace_local.kubectl import KubectlError
from headrace_local.waiting import wait_for

SHAPE = {
    "an unknown field": ({"colour": "red"}, "colour"),
    "a wrong type": ({"batch_size": "many"}, "batch_size"),
    "a batch of nothing": ({"batch_size": 0}, "batch_size"),
    "an empty query": ({"source_query": ""}, "source_query"),
    "a blank query": ({"source_query": "  "}, "source_query"),
    "two statements": ({"source_query": "SELECT 1 AS id; SELECT 2 AS id"}, "source_query"),
    "a delete": ({"source_query": "DELETE FROM content.film_work"}, "source_query"),
    "a write in a with": (
        {"source_query": "WITH x AS (DELETE FROM content.genre RETURNING *) SELECT * FROM x"},
        "source_query",
    ),
    "no query": ({"source_query": None}, "source_query"),
    "too long a query": ({"source_query": "SELECT 1 AS id -- " + "x" * 262_145}, "source_query"),
    "no incremental key": ({"mode": "incremental"}, "incremental_key"),
    "a stream without a key": ({"mode": "streaming"}, "incremental_key"),
    "a poll without a pause": ({"poll_interval": "0s"}, "poll_interval"),
    "a name of 201 characters": ({"name": "x" * 201}, "name"),
    "an empty name": ({"name": ""}, "name"),
    "a space at the end": ({"name": "x "}, "name"),
    "a control character": ({"name": "a\nb"}, "name"),
    "an unknown mode": ({"mode": "partial"}, "mode"),
    "an unknown project": ({"project_id": "p"}, "project_id"),
    "an unknown source": ({"source_id": "s"}, "source_id"),
    "an unknown destination": ({"destination_id": "d"}, "destination_id"),
    "a query and a table": ({"source_query": "SELECT 1 AS id", "source_table": "shop.films"}, "source_table"),
    "a table's versions": ({"version_column": "modified"}, "version_column"),
    "a table's soft deletes": ({"soft_delete_column": "gone"}, "soft_delete_column"),
    "a table's bad rows": ({"max_bad_rows": 1}, "max_bad_rows"),
    "a table's mapping": ({"target": {"mapping": {"properties": {}}}}, "target"),
    "a mapping with settings": (
        {"target_table": "es:film_dim", "target": {"mapping": {"mappings": {}}}},
        "target",
    ),
    "parameters with prune": ({"source_query": "SELECT 1 AS id WHERE %(day)s <> ''"}, "source_query"),
}
REFUSED = {
    "a target outside the list": ({"target_table": "public.films"}, "target_table 'public.films' is not allowed"),
    "a malformed target": ({"target_table": "films"}, "target_table 'films' is not allowed"),
    "an index of another name": ({"target_table": "es:films"}, "target_table 'es:films' is not allowed"),
    "a malformed index": ({"target_table": "es:Film_dim"}, "target_table 'es:Film_dim' is not allowed"),
    "a wildcard": ({"target_table": "es:film*"}, "target_table 'es:film*' is not allowed"),
    "python": ({"type": "PYTHON"}, "not supported yet"),
}
# Seen by the operator, so a condition, not an admission error.
AT_ADMISSION = {
    "an unknown field", "a wrong type", "a batch of nothing", "an empty query", "no query", "too long a query",
    "no incremental key", "a name of 201 characters", "an empty name", "a space at the end", "a control character",
    "an unknown mode", "a stream without a key", "an unknown project", "an unknown source", "an unknown destination",
    "a query and a table",
    "a table's versions", "a table's soft deletes", "a table's bad rows", "a table's mapping",
}  # fmt: skip
FAILS = {
    "a syntax error": ("SELECT id FROM FROM", "syntax error"),
    "a table that does not exist": ("SELECT id FROM shop.nowhere", "nowhere"),
    "a column that does not exist": ("SELECT colour AS id FROM {table}", "colour"),
    "a function that writes": ("SELECT lo_create(0) AS id", ""),
    "duplicate columns": ("SELECT id, name, name FROM {table}", "name"),
    "an unnamed column": ("SELECT id, 1 + 1 FROM {table}", "column"),
    "a key with nulls": ("SELECT nullif(id, 7) AS id, name FROM {table}", "null"),
    "a key that occurs twice": ("SELECT 1 AS id, name FROM {table}", ""),
    "a key that is no column": ("SELECT id AS other, name FROM {table}", "id"),
}


@pytest.fixture(scope="module")
def unreachable(world):
    """A pipeline and its run, whose source is not there; it is given up after minutes, while others are at work."""
    made = world.pipeline(rows=3)
    right = world.status.source_dsn
    _set_secret(world, "source", right.rsplit(":", 1)[0] + ":1/source")
    try:
        run = world.api.run(made["id"])["run_id"]
        wait_for("its Job", lambda: world.jobs(run), seconds=30)
    finally:
        _set_secret(world, "source", right)
    return made["id"], run


def test_an_unreachable_source_is_tried_again(world, unreachable):
    _, run = unreachable
    wait_for("it to say so", lambda: [line for line in _log(world, run) if "trying again" in line], seconds=60)
    assert "127.0.0.1" not in str(_log(world, run))


@pytest.mark.parametrize(("fields", "field"), SHAPE.values(), ids=SHAPE.keys())
def test_a_wrong_shape_is_refused_by_the_api_and_nothing_is_made(world, fields, field):
    body = world.spec(rows=1) | fields
    answer = world.api.request("POST", "/pipelines", body)
    assert answer.status_code == 422, answer.text[:500]
    assert field in {detail["field"] for detail in answer.json()["error"]["details"]}
    made = world.pipeline(rows=1)
    patched = world.api.request("PATCH", f"/pipelines/{made['id']}", fields)
    assert patched.status_code == 422, patched.text[:500]
    assert world.api.pipeline(made["id"]) == made


@pytest.mark.parametrize(("fields", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_a_rule_refuses_with_400(world, fields, says):
    answer = world.api.request("POST", "/pipelines", world.spec(rows=1) | fields)
    assert answer.status_code == 400, answer.text
    assert says in answer.json()["detail"]
    assert answer.json()["error"]["code"] == "BAD_REQUEST"
    made = world.pipeline(rows=1)
    assert world.api.request("PATCH", f"/pipelines/{made['id']}", fields).status_code == 400


def test_the_shape_is_checked_before_the_rules(world):
    body = world.spec(rows=1) | {"target_table": "public.films", "source_query": "DELETE FROM x"}
    assert world.api.request("POST", "/pipelines", body).status_code == 422


@pytest.mark.parametrize("case", sorted(AT_ADMISSION))
def test_the_kubernetes_api_refuses_what_breaks_the_schema(world, case):
    fields, _ = SHAPE[case]
    manifest = world.manifest(world.spec(rows=1) | fields)
    with pytest.raises(KubectlError, match=r"invalid|strict decoding|cannot be handled|unknown field"):
        world.kubectl.create(manifest)


def test_what_only_the_operator_can_see_becomes_a_condition(world):
    """All at once: a broken specification does not stop the others."""
    cases = {name: pair for name, pair in (SHAPE | REFUSED).items() if name not in AT_ADMISSION}
    manifests = {name: world.manifest(world.spec(rows=1) | fields) for name, (fields, _) in cases.items()}
    good = world.manifest(world.spec(rows=1))
    world.kubectl.apply(*manifests.values(), good)
    for name, manifest in manifests.items():
        found = world.wait_for_resource("etlp", manifest["metadata"]["name"], lambda one: ready(one) == "False")
        assert message(found), name
    for name, (_, says) in REFUSED.items():
        assert says in message(world.kubectl.get("etlp", manifests[name]["metadata"]["name"])), name
    world.wait_for_resource("etlp", good["metadata"]["name"], lambda one: ready(one) == "True")
    events = world.kubectl.list("events", "--field-selector=type=Warning")
    about = {event["involvedObject"]["name"] for event in events}
    assert about >= {manifest["metadata"]["name"] for manifest in manifests.values()}


def test_a_run_of_an_invalid_pipeline_fails_or_waits_with_the_reason(world):
    manifest = world.manifest(world.spec(rows=1) | {"target_table": "public.films"})
    world.kubectl.apply(manifest)
    run = world.kubectl.create(world.run_manifest(manifest["metadata"]["name"]))["metadata"]["name"]
    world.wait_for_resource("etlr", run, lambda one: "is not allowed" in str(one.get("status")))
    assert world.target("SELECT to_regclass('public.films')") == [(None,)]


def ready(resource):
    return next(
        (one["status"] for one in resource.get("status", {}).get("conditions", []) if one["type"] == "Ready"), ""
    )


def message(resource):
    return next((one["message"] for one in resource["status"]["conditions"] if one["type"] == "Ready"), "")


def test_what_only_the_source_can_see_fails_the_run_at_once_and_writes_nothing(world, together):
    """One run each, all at once: no retry can help, so none is made, and the message says what to mend."""
    table = world.source_table(20)
    made = {name: world.pipeline(source_query=query.format(table=table)) for name, (query, _) in FAILS.items()}
    made["no permission"] = world.pipeline(source_query="SELECT pg_read_file('/etc/passwd') AS id")
    asked = {name: world.api.run(pipeline["id"])["run_id"] for name, pipeline in made.items()}
    for name, pipeline in made.items():
        run = world.api.wait_for_end(pipeline["id"], asked[name], seconds=120)
        assert run["status"] == "FAILED", name
        assert FAILS.get(name, ("", "permission denied"))[1] in run["error_message"].lower(), (name, run)
        assert run["rows_written"] == 0, name
        assert len(world.jobs(asked[name])) <= 1, name
        assert world.api.wait_for_status(pipeline["id"], "FAILED") == "FAILED"
        status = world.resource("etlr", asked[name])["status"]
        assert (status.get("job") or {}).get("attempt", 1) == 1, name
        for secret in secrets(world):
            assert secret not in str(status), name
        rows = world.target(f"SELECT to_regclass('{pipeline['target_table']}')")
        if rows != [(None,)]:
            assert world.target(f"SELECT count(*) FROM {pipeline['target_table']}") == [(0,)], name


def secrets(world):
    for dsn in (world.status.source_dsn, world.status.target_dsn, world.status.store_dsn):
        yield dsn.split("@")[0].rsplit(":", 1)[-1]


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SELECT id, name FROM {table} -- a comment", 5),
        ("SELECT id, name FROM {table};", 5),
        ("SELECT id, name FROM {table} WHERE name LIKE '%2' OR id % 5 = 1", 2),
        ("SELECT id, '100%(x)s' AS name FROM {table}", 5),
        ("WITH t AS (SELECT id, name FROM {table}) SELECT * FROM t ORDER BY name DESC", 5),
    ],
)
def test_odd_but_good_queries_work(world, query, rows):
    made = world.pipeline(source_query=query.format(table=world.source_table(5)))
    run = world.done(made, world.api.run(made["id"])["run_id"])
    assert run["rows_written"] == rows


@pytest.mark.parametrize("broken", ["source", "target"])
def test_a_wrong_password_is_said_and_waited_for_until_it_is_right(world, broken):
    """A password may just be being changed; the Secret is put right, and the very same run succeeds."""
    made = world.pipeline(rows=3)
    right = {"source": world.status.source_dsn, "target": world.status.target_dsn}[broken]
    password = right.split("@")[0].rsplit(":", 1)[-1]
    _set_secret(world, broken, right.replace(password, "wrong-password"))
    try:
        asked = world.api.run(made["id"])["run_id"]
        words = f"The {broken}: wrong user name or password; waiting for other credentials"
        wait_for("the run to say why it waits", lambda: words in _log(world, asked), seconds=60, every=0.5)
    finally:
        _set_secret(world, broken, right)
    world.done(made, asked, seconds=120)


@pytest.mark.slow
def test_an_unreachable_source_fails_the_run_after_its_attempts(world, unreachable):
    run = world.api.wait_for_end(*unreachable, seconds=280)
    assert run["status"] == "FAILED"
    assert "source" in run["error_message"]
    assert "127.0.0.1" not in run["error_message"]


def _set_secret(world, key, dsn):
    world.kubectl.patch("secret", "headrace-dsn", {"stringData": {key: dsn}})


def _log(world, run_id):
    return [line["message"] for line in world.api.call("GET", f"/runs/{run_id}/logs")["data"]]
