"""A password is changed while runs are under way and have to log in anew: none of them fails."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest
from tests.e2e.replication.connections import condition

from headrace_local.waiting import wait_for

BETWEEN = 4
"""Seconds between the two steps of a change: what the server takes, and what we were told, differ for as long."""
FILES_SECONDS = 120
"""A kubelet looks at its Secrets once a minute, and what it knows may be a minute old."""
ORDERS = {
    "first the server, then REST": ("server", "rest"),
    "first REST, then the server": ("rest", "server"),
    "first the server, then kubectl": ("server", "kubectl"),
}
"""Three, with three runs each: not more than the installation has at work at once."""


@dataclass(frozen=True)
class Story:
    """A source whose password is changed, and what reads from it meanwhile."""

    name: str
    login: object
    source_id: str
    load: tuple
    stream: tuple
    between: tuple = ()


class Rotation:
    """Tells the stories, which take a minute each, side by side."""

    def __init__(self, world, connections):
        self.world, self.connections = world, connections

    def tell(self, order):
        """All of one story up to the change; what comes of it is for the tests."""
        story = self._begin("rest" in ORDERS[order])
        new = replace(story.login, password=f"rotated-{uuid.uuid4().hex}")
        first, second = ORDERS[order]
        self._change(story, new, first)
        self._end_sessions(story)
        made = self.world.pipeline(rows=20, source_id=story.source_id)
        between = made, self.world.api.run(made["id"])["run_id"]
        # Long enough for the new run to meet the password that is not right.
        time.sleep(BETWEEN)
        self._change(story, new, second)
        self._end_sessions(story)
        return replace(story, login=new, between=between)

    def _begin(self, by_rest):
        world, login = self.world, self.connections.role()
        name, source = self._source_by_rest(login) if by_rest else self._source_by_kubectl(login)
        load = world.slow_pipeline(seconds=15, source_id=source)
        table = world.source_table(10)
        query = f"SELECT id, name, modified FROM {table}"
        kind = {"mode": "streaming", "incremental_key": "modified"}
        stream = world.pipeline(source_query=query, source_id=source, **kind)
        asked = world.api.call("POST", "/stream/run", {"config": {}, "pipeline": stream["id"]})["data"]
        run = world.running(load)
        world.api.wait_for_status(stream["id"], "RUNNING")
        wait_for("the stream's first rows", lambda: world.differs(stream) == "", seconds=60, every=0.5)
        return Story(name, login, source, (load, run), (stream, asked["execution_id"], table))

    def _source_by_kubectl(self, login):
        manifest = self.connections.source(login)
        return manifest["metadata"]["name"], self.connections.uid(manifest)

    def _source_by_rest(self, login):
        made = self.world.api.call("POST", "/sources", self._body(login))
        return self.world.resource("etlsource", made["id"])["metadata"]["name"], made["id"]

    def _body(self, login):
        known = {"name": f"rotated {login.name}", "type": "postgres", "database": "source"}
        return {**known, **self.connections.address, "username": login.name, "password": login.password}

    def _change(self, story, new, where):
        if where == "server":
            self.world.source(f"ALTER ROLE {new.name} PASSWORD '{new.password}'")
        elif where == "kubectl":
            secret = self.world.kubectl.get("EtlSource", story.name)["spec"]["passwordSecret"]["name"]
            self.connections.put_secret(secret, {"password": new.password})
        else:
            self.world.api.call("PUT", f"/sources/{story.source_id}", self._body(new))

    def _end_sessions(self, story):
        self.world.source(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{story.login.name}'"
        )


def warnings_of(world, run):
    lines = world.api.call("GET", f"/runs/{run}/logs?level=WARNING&limit=100")["data"]
    return [line["message"] for line in lines]


@pytest.fixture(scope="module")
def stories(world, connections):
    with ThreadPoolExecutor(len(ORDERS)) as pool:
        rotation = Rotation(world, connections)
        yield {order: pool.submit(rotation.tell, order) for order in ORDERS}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("order", ORDERS)
def test_no_run_fails_while_the_password_changes(world, connections, stories, order, count):
    story = stories[order].result()
    began = time.monotonic()
    load, run = story.load
    ended = world.done(load, run, seconds=FILES_SECONDS + 60)
    assert ended["rows_read"] == 15 * 500
    assert world.differs(load) == ""
    if ORDERS[order][0] == "server":
        # Not of the load alone: all its rows may be on their way when its session is ended.
        lines = [line for each in (run, story.stream[1], story.between[1]) for line in warnings_of(world, each)]
        assert any("waiting for other credentials" in line for line in lines), lines
    world.done(*story.between, seconds=FILES_SECONDS + 60)
    stream, execution, table = story.stream
    world.source(f"INSERT INTO {table} (id, name) VALUES (11, 'after')")
    wait_for("the stream to go on", lambda: world.differs(stream) == "", seconds=FILES_SECONDS, every=0.5)
    count(f"password changed, {order}: all went on after {time.monotonic() - began:.0f} s at most")
    world.api.call("POST", "/stream/stop", {"execution_id": execution, "timeout": 10})
    source = {"kind": "EtlSource", "metadata": {"name": story.name}}
    found = connections.wait(source, "Ready", lambda ready: ready["status"] == "True", seconds=60)
    assert condition(found, "Ready")["reason"] == "Connected"
    # The next one needs nothing but the new password.
    after = world.pipeline(rows=5, source_id=story.source_id)
    world.done(after, world.api.run(after["id"])["run_id"])


def test_a_run_takes_its_passwords_along_only_until_its_end(world, stories):
    """Each has a Secret of its own, which its pods read."""
    ids = {run for story in stories.values() for _, run in (story.result().load, story.result().between)}
    names = {f"etl-{run}" for run in ids}

    def left():
        return names & {each["metadata"]["name"] for each in world.kubectl.list("secrets")}

    wait_for("the Secrets of ended runs to be gone", lambda: not left(), seconds=30, every=1, seen=left)
