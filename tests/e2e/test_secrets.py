"""Passwords and hosts of databases are in Secrets and nowhere else: known ones are planted, and looked for."""

import base64
import contextlib
import json
import os
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from tests.e2e.replication.connections import condition, secrets_of
from tests.e2e.replication.planted import PlantedConnections

from headrace_local.kubectl import KubectlError
from headrace_local.machine import audit
from headrace_local.machine.cluster import home
from headrace_local.waiting import wait_for

MARK = uuid.uuid4().hex[:12]
WRONG = f"wrong-{MARK}"
SEARCH = f"search-{MARK}"
API_KEY = base64.b64encode(f"id:key-{MARK}".encode()).decode()
HOST = f"db-secret-host-{MARK}.invalid"
SECRET = "headrace-dsn"
URL = {"elasticsearch-url": f"https://planted:{SEARCH}@{HOST}:9200"}
INDICES = {
    "password of the index": URL | {"elasticsearch-username": "planted", "elasticsearch-password": SEARCH},
    "key of the index": {"elasticsearch-url": f"https://{HOST}:9200", "elasticsearch-api-key": API_KEY},
    "both for the index": URL | {"elasticsearch-api-key": API_KEY},
}
FAILURES = {
    "wrong password of the source": {"source": {"password": WRONG}},
    "wrong password of the target": {"target": {"password": WRONG}},
    "wrong password of the store": {"store": {"password": WRONG}},
    "unknown host of the source": {"source": {"host": HOST}},
    "unknown host of the target": {"target": {"host": HOST}},
    "TLS refused": {"source": {"sslmode": "require"}},
    "wrong database": {"source": {"dbname": f"nowhere_{MARK}"}},
}
"""Keys of the Secret, and what of the right DSN is changed."""
NO_DSN = {"source": f"postgresql://{WRONG}@{HOST}:port/{WRONG}"}
"""What no run begins with: the source says so."""
QUERIES = {
    "missing table": "SELECT id FROM shop.nowhere",
    "bad query": "SELECT id, 1 / (id - 2) AS n FROM {table}",
}
SAID = "trying again", "Giving up", "can't be", "is not", "wrong user", "no TLS", "lacks", "does not", "refuse"


class Planted:
    """The Secret of the runs, with other values for as long as a test likes."""

    def __init__(self, world):
        self.world = world
        self.before = world.kubectl.get("secret", SECRET)["data"]
        right = {"source": world.status.source_dsn, "target": world.status.target_dsn, "store": world.store_dsn}
        self.right = {key: dsn for key, dsn in right.items() if dsn}

    @contextlib.contextmanager
    def put(self, values):
        """By standard input: kubectl's own command line is seen by everybody."""
        self._replace(self.before | {key: base64.b64encode(value.encode()).decode() for key, value in values.items()})
        try:
            yield
        finally:
            self._replace(self.before)

    def changed(self, change):
        return {
            key: parts if isinstance(parts, str) else make_conninfo(self.right[key], **parts)
            for key, parts in change.items()
        }

    def _replace(self, data):
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET}, "data": data}
        self.world.kubectl.run("replace", "-f", "-", stdin=json.dumps(secret))


class CommandLines(threading.Thread):
    """The command lines of all processes of this machine, seen again and again."""

    def __init__(self):
        super().__init__(daemon=True)
        self.seen = set()
        self.ended = threading.Event()

    def run(self):
        while not self.ended.wait(0.05):
            for entry in Path("/proc").iterdir():
                if entry.name.isdigit():
                    with contextlib.suppress(OSError):
                        self.seen.add((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))


@pytest.fixture(scope="module")
def connections(world):
    """Sources and destinations with planted passwords, one of which pipelines of the tests can use."""
    planted = PlantedConnections(world, MARK)
    planted.plant()
    try:
        yield planted
    finally:
        planted.close()


@pytest.fixture(scope="module")
def secrets(world, connections):
    """What must not be found, by what it is."""
    dsns = {"store": world.store_dsn, "source": world.status.source_dsn, "target": world.status.target_dsn}
    parts = {name: conninfo_to_dict(dsn) for name, dsn in dsns.items()} | {
        "administrator": conninfo_to_dict(world.status.admin_dsn)
    }
    found = {f"password of the {name}": str(each["password"]) for name, each in parts.items()}
    found |= {"a wrong password": WRONG, "password of the index": SEARCH, "key of the index": API_KEY}
    found |= {"host of a database": HOST, "address of Postgres": f"127.0.0.1:{parts['store']['port']}"}
    found |= {"port of Postgres": f"port {parts['store']['port']}", "token of a caller": _token(world)}
    return {what: secret for what, secret in (found | connections.passwords).items() if secret}


def _token(world):
    header = world.api.request("GET", "/health").request.headers.get("Authorization", "")
    return header.removeprefix("Bearer ")


@pytest.fixture(scope="module")
def places(world, connections):
    """All that a person or a program may get to see, by where: after runs that went well and ones that did not."""
    processes = CommandLines()
    processes.start()
    good = world.pipeline(rows=50, name=f"good {MARK}")
    world.done(good, world.api.run(good["id"])["run_id"])
    with ThreadPoolExecutor() as pool:
        runs = {what: (made, run, pool.submit(_said, world, made, run)) for what, made, run in _failing(world)}
        texts = {"logs of pods": "", "pods": "", "pods described": ""}
        for _, _, said in runs.values():
            for place, text in said.result().items():
                texts[place] += text
    _no_dsn(world)
    slow = world.slow_pipeline(seconds=10, **connections.ends)
    world.running(slow)
    _api(world, texts, [(made["id"], run) for made, run, _ in runs.values()])
    _kubernetes(world, texts)
    _store(world, texts)
    _logs(world, texts)
    _probes(world, texts)
    for _, run, _ in runs.values():
        with contextlib.suppress(KubectlError):
            world.kubectl.patch("etlr", world.resource("etlr", run)["metadata"]["name"], {"spec": {"cancel": True}})
    processes.ended.set()
    processes.join()
    texts["process list"] = "\n".join(processes.seen)
    return texts


def _failing(world):
    """Runs that can't go well: a name for each, its pipeline, and its id once its pod has the Secret."""
    planted = Planted(world)
    secrets = {what: planted.changed(change) for what, change in FAILURES.items()}
    targets = {what: f"es:test-{MARK}-{number}" for number, what in enumerate(INDICES)}
    for what, values in (secrets | INDICES).items():
        target = {"target_table": targets[what]} if what in targets else {}
        made = world.pipeline(rows=5, name=f"{what} {MARK}", **target)
        with planted.put(values):
            run = world.api.run(made["id"])["run_id"]
            wait_for("a pod that has begun", lambda run=run: _begun(world, run), seconds=60, every=0.3)
        yield what, made, run
    for what, query in QUERIES.items():
        made = world.pipeline(source_query=query.format(table=world.source_table(5)), name=f"{what} {MARK}")
        yield what, made, world.api.run(made["id"])["run_id"]


def _no_dsn(world):
    """A connection string that is none is not even tried; the default source says so."""
    planted = Planted(world)
    with planted.put(planted.changed(NO_DSN)):
        found = world.wait_for_resource(
            "etlsource", "default", lambda one: condition(one, "Ready").get("status") == "False", seconds=60
        )
        assert condition(found, "Ready")["reason"] == "InvalidSpec"
    world.wait_for_resource(
        "etlsource", "default", lambda one: condition(one, "Ready").get("status") == "True", seconds=60
    )


def _begun(world, run):
    pods = world.kubectl.list("pods", "-l", f"headrace.dev/run={run}")
    return any(pod["status"]["phase"] != "Pending" for pod in pods)


def _said(world, made, run):
    """What a run's pods tell when it has failed, or has said what for: later they may be gone."""
    selector = ("-l", f"headrace.dev/run={run}")
    words = []

    def has_failed():
        words.append(world.kubectl.run("logs", *selector, "--tail=-1", check=False))
        return any(word in words[-1] for word in SAID) or world.api.one_run(made["id"], run)["status"] == "FAILED"

    wait_for(f"{made['name']} to fail", has_failed, seconds=90, every=0.5)
    # The container's last word is in the pod's status a moment after it.
    time.sleep(1)
    return {
        "logs of pods": "\n".join(words),
        "pods": world.kubectl.run("get", "pods", *selector, "-o", "yaml"),
        "pods described": world.kubectl.run("describe", "pods", *selector, check=False),
    }


def _api(world, texts, runs):
    """Answers, also to calls that can't succeed; what the caller sends must not come back."""
    paths = ["/pipelines", "/health", "/info", "/metrics", "/statistics", "/runs", "/pipelines/x", "/nothing"]
    paths += ["/sources", "/destinations", "/metrics/wal", "/sources/x"]
    for pipeline, run in runs:
        own = f"/pipelines/{pipeline}"
        paths += [own, f"{own}/status", f"{own}/state", f"{own}/runs", f"{own}/runs/{run}", f"/runs/{run}/logs"]
        paths += [f"{own}/dead-letters"]
    answers = [world.api.request("GET", path) for path in paths]
    body = world.spec(rows=1)
    answers += [
        world.api.request("POST", "/pipelines", body | {"batch_size": WRONG}),
        world.api.request("POST", "/pipelines", body | {"target_table": "elsewhere.t"}),
        world.api.request("POST", "/pipelines", body | {"password": WRONG}),
        world.api.request("POST", "/pipelines", content=WRONG.encode(), headers={"Content-Type": "application/json"}),
        world.api.request("POST", "/pipelines", content=WRONG.encode(), headers={"Content-Type": WRONG}),
        *(world.api.request("POST", f"/pipelines/{pipeline}/reconcile") for pipeline, _ in runs[:2]),
    ]
    root = world.api.base.removesuffix("/api/v1")
    texts["API"] = "\n".join(f"{answer.headers} {answer.text}" for answer in answers)
    for path in ("/openapi.json", "/docs", "/metrics", "/readyz", "/livez"):
        texts[f"API {path}"] = httpx.get(root + path).text


def _kubernetes(world, texts):
    """Every kind of the namespace: described, and but for Secrets in full."""
    kinds = world.kubectl.run("api-resources", "--verbs=list", "--namespaced", "-o", "name").split()
    shown = [kind for kind in kinds if kind not in {"secrets", "events", "events.events.k8s.io"}]
    texts["resources"] = world.kubectl.run("get", ",".join(shown), "-o", "yaml", "--show-managed-fields")
    texts["Events"] = world.kubectl.run("get", "events", "-o", "yaml")
    # What is listed may be gone when it is described: other tests' Jobs, for one.
    texts["kubectl describe"] = world.kubectl.run("describe", ",".join(kinds), seconds=180, check=False)


def _store(world, texts):
    with psycopg.connect(world.store_dsn, autocommit=True) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for (table,) in tables:
            rows = connection.execute(f"SELECT t::text FROM {table} AS t".encode()).fetchall()
            texts[f"store {table}"] = "\n".join(text for (text,) in rows)


def _logs(world, texts):
    """All that the processes of the cluster wrote, and what the API server noted of each request."""
    folder = home() / world.name / "log"
    for file in sorted(folder.rglob("*")):
        # The database's own log says where it listens.
        if file.is_file() and file.name != "postgres.log":
            texts[f"log {file.relative_to(folder)}"] = file.read_text(errors="replace")
    texts["audit log"] = audit.path(home() / world.name).read_text(errors="replace")


def _probes(world, texts):
    for path in ("/metrics", "/readyz", "/livez"):
        texts[f"operator {path}"] = httpx.get(world.status.operators[0] + path).text


WITNESSES = {
    "API": f"wrong password of the source {MARK}",
    "API /openapi.json": "source_query",
    "operator /metrics": "headrace_leader",
    "Events": "RunFailed",
    "resources": "LoginRefused",
    "kubectl describe": "headrace-dsn",
    "pods": "terminated",
    "pods described": "set to the key 'store' in secret 'headrace-dsn'",
    "logs of pods": "trying again",
    "store headrace.runs": "wrong user name or password",
    "store headrace.run_logs": "wrong user name or password",
    "log operator.log": "this process works now",
    "log api.log": "request",
    "audit log": "headrace-operator",
    "process list": "headrace_runner",
}


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("place", "witness"), WITNESSES.items(), ids=WITNESSES.keys())
def test_each_place_holds_what_it_should(places, place, witness):
    """So that nothing was found because nothing was looked at."""
    assert witness in places[place]


@pytest.mark.timeout(900)
def test_no_secret_is_anywhere(places, secrets):
    found = {
        (what, place): _around(text, secret)
        for place, text in places.items()
        for what, secret in secrets.items()
        if secret in text
    }
    assert found == {}


@pytest.mark.timeout(900)
def test_a_password_is_in_a_secret_of_its_owner_and_in_those_of_runs_at_work(world, connections):
    own = {name for uid in connections.ends.values() for name in secrets_of(world, uid)}
    assert len(own) == 2
    made = world.slow_pipeline(seconds=6, **connections.ends)
    run = world.running(made)
    password = connections.good.password
    assert _holders(world, password) == own | {f"etl-{run}"}
    world.done(made, run)
    wait_for("the run's Secret to go", lambda: _holders(world, password) == own, seconds=30, every=0.5)


def _holders(world, password):
    """The Secrets in which a password stands."""
    return {
        secret["metadata"]["name"]
        for secret in world.kubectl.list("secrets")
        if any(password in base64.b64decode(value).decode() for value in secret.get("data", {}).values())
    }


def _around(text, secret):
    at = text.index(secret)
    return text[max(0, at - 200) : at + 20]


def test_the_search_finds_what_is_there(places, secrets):
    """A secret that is put into one place is seen there."""
    shown = {**places, "API": places["API"] + secrets["a wrong password"]}
    assert [place for place, text in shown.items() if secrets["a wrong password"] in text] == ["API"]
    assert os.environ.get("HEADRACE_STORE_DSN") is None, "what this process knows would be in its children's lists"
