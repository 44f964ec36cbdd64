"""A cluster with Headrace on it, and ways to make things in it that no other test touches."""

import secrets
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from headrace_local import films
from headrace_local.api import Api
from headrace_local.demo import contents
from headrace_local.kubectl import Kubectl
from headrace_local.machine import lifecycle
from headrace_local.machine.cluster import home, load
from headrace_local.machine.status import Status, read
from headrace_local.waiting import wait_for

LOST_AFTER = 10
MEASURED_EVERY, UNANSWERED_AFTER = 5, 3
"""Seconds: how often a source's WAL is measured, and when a server is given up on."""
# Locks are no part of a snapshot: a query that has begun sees that the gate opens.
_WAIT_FOR_GATE = """
CREATE OR REPLACE FUNCTION shop.wait_for_gate(gate bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    WHILE NOT pg_try_advisory_xact_lock_shared(gate) LOOP PERFORM pg_sleep(0.05); END LOOP;
    RETURN true;
END $$
"""
Body = dict[str, Any]


@dataclass(frozen=True)
class World:
    """The cluster, and ways to make things in it that no other test touches."""

    name: str
    status: Status
    api: Api
    other_api: Api
    """The second process."""
    kubectl: Kubectl
    token: str = ""
    """What both clients show to the API."""
    lost_after: float = LOST_AFTER
    """Seconds of silence after which a runner may be abandoned."""

    @property
    def source_dsn(self) -> str:
        """A superuser's, for making tables in the source."""
        return films.source_of(self.status.admin_dsn or "")

    @property
    def target_dsn(self) -> str:
        """A superuser's, for looking at the target."""
        return make_conninfo(self.status.admin_dsn or "", dbname="target")

    @property
    def store_dsn(self) -> str:
        """The store's own."""
        return self.status.store_dsn or ""

    def now(self) -> Status:
        """The cluster's processes as they are now."""
        folder = home() / self.name
        return read(load(folder), lifecycle.outer(folder))

    def pid(self, process: str) -> int:
        """The pid of a process of the cluster; waits while it is being restarted."""
        return int(
            wait_for(f"a process {process}", lambda: self.now().processes[process]["pid"], seconds=30, every=0.2)
        )

    def wait_until_back(self, process: str, killed: int) -> None:
        """Waits until another process than the killed one is ready in its place."""

        def is_back() -> bool:
            state = self.now().processes[process]
            return state["state"] == "ready" and state["pid"] not in (None, killed)

        wait_for(f"{process} to be back", is_back, seconds=60, every=0.2, seen=lambda: self.now().processes[process])

    def log(self, process: str, lines: int = 60) -> str:
        """The last lines of a process's log."""
        path = home() / self.name / "log" / f"{process}.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    def problems(self, process: str) -> str:
        """The last lines of a process's log, without the calls that went well."""
        kept = [line for line in self.log(process, 3_000).splitlines() if '"status": 2' not in line]
        return "\n".join(line[:600] for line in kept[-40:])

    def source(self, statement: str) -> list[tuple[Any, ...]]:
        """Runs a statement in the source as its superuser."""
        return _execute(self.source_dsn, statement)

    def target(self, statement: str) -> list[tuple[Any, ...]]:
        """Runs a statement in the target as its superuser."""
        return _execute(self.target_dsn, statement)

    def source_table(self, rows: int = 100) -> str:
        """Makes a table with id, name and modified, in a schema that the source's role can read."""
        name = f"shop.t_{uuid.uuid4().hex[:10]}"
        self.source(
            f"CREATE SCHEMA IF NOT EXISTS shop; CREATE TABLE {name} (id bigint PRIMARY KEY, name text,"
            f" modified timestamptz NOT NULL DEFAULT clock_timestamp()); INSERT INTO {name} (id, name)"
            f" SELECT n, 'name ' || n FROM generate_series(1, {rows}) AS n; ANALYZE {name}"
        )
        return name

    def spec(self, *, rows: int = 100, **fields: Any) -> Body:
        """A valid body for POST /pipelines, with a source and a target of its own."""
        name = f"test {uuid.uuid4().hex[:10]}"
        body: Body = {"name": name, "target_table": self.fresh_target(), "key_columns": ["id"], **fields}
        if "source_query" not in body:
            body["source_query"] = f"SELECT id, name, modified FROM {self.source_table(rows)}"
        return body

    def fresh_target(self) -> str:
        """An allowed address that nobody uses."""
        return f"analytics.t_{uuid.uuid4().hex[:10]}"

    def pipeline(self, **fields: Any) -> Body:
        """A pipeline of its own, made through the API."""
        return self.api.create(**self.spec(**fields))

    def slow_pipeline(self, *, seconds: float = 8, **fields: Any) -> Body:
        """A pipeline whose run takes about so many seconds, in batches of a tenth of a second."""
        rate = 500
        return self.pipeline(rows=int(seconds * rate), batch_size=rate // 10, max_rows_per_second=rate, **fields)

    @contextmanager
    def held_pipeline(self, **fields: Any) -> Iterator[tuple[Body, Callable[[], None]]]:
        """A pipeline whose run does not end before the function that comes with it was called."""
        gate = secrets.randbits(60)
        table = self.source_table(fields.pop("rows", 100))
        self.source(_WAIT_FOR_GATE)
        query = f"SELECT id, name, modified FROM {table} WHERE id > 1 OR shop.wait_for_gate({gate})"
        with psycopg.connect(self.source_dsn, autocommit=True) as keeper:
            keeper.execute("SELECT pg_advisory_lock(%s)", [gate])
            # Ends with its session too, so that nothing waits for ever.
            yield self.pipeline(source_query=query, **fields), keeper.close

    def running(self, pipeline: Body) -> str:
        """Asks for a run and waits until it has committed a batch; returns its id."""
        run_id = str(self.api.run(pipeline["id"])["run_id"])
        self.api.wait_for_run(pipeline["id"], run_id, lambda run: run["rows_read"] > 0, seconds=60)
        self.api.wait_for_status(pipeline["id"], "RUNNING")
        return run_id

    def done(self, pipeline: Body, run_id: str, *, seconds: float = 90) -> Body:
        """Waits until a run succeeded and its pipeline shows it."""
        run = self.api.wait_for_end(pipeline["id"], run_id, seconds=seconds)
        assert run["status"] == "SUCCESS", run
        self.api.wait_for_status(pipeline["id"], "IDLE", "PAUSED")
        return run

    def differs(self, pipeline: Body) -> str:
        """Empty when the target holds just what the query gives, else how they differ."""
        source = contents.of_query(self.source_dsn, pipeline["source_query"])
        target = contents.of_table(self.target_dsn, pipeline["target_table"])
        return "" if source == target else f"source: {source}; target: {target}"

    def manifest(self, body: Body) -> Body:
        """The EtlPipeline of a body for POST /pipelines; its metadata.name is new."""
        # Null is "not given" by REST, and refused by the server in what is applied.
        spec = {_camel(name): value for name, value in body.items() if value is not None}
        return {**_resource("EtlPipeline", f"test-{uuid.uuid4().hex[:10]}"), "spec": spec}

    def applied(self, body: Body) -> Body:
        """The pipeline of a body for POST /pipelines, with its id, made by kubectl and looked at by the operator."""
        manifest = self.manifest(body)
        name = manifest["metadata"]["name"]
        self.kubectl.apply(manifest)
        found = self.wait_for_resource("etlp", name, lambda one: one.get("status", {}).get("conditions"))
        return {**body, "id": found["metadata"]["uid"], "resource": name}

    def run_manifest(self, pipeline: str, **spec: Any) -> Body:
        """An EtlRun of a pipeline, by its metadata.name."""
        return {**_resource("EtlRun", f"run-{uuid.uuid4().hex[:10]}"), "spec": {"pipeline": pipeline, **spec}}

    def resource(self, kind: str, uid: str) -> Body:
        """The resource with this uid."""
        (found,) = [item for item in self.kubectl.list(kind) if item["metadata"]["uid"] == uid]
        return found

    def wait_for_resource(self, kind: str, name: str, is_so: Any, *, seconds: float = 60) -> Body:
        """Waits until something is so of a resource, and returns it."""
        seen: list[Body] = [{}]

        def look() -> Body | None:
            seen[0] = self.kubectl.get(kind, name)
            return seen[0] if is_so(seen[0]) else None

        return wait_for(f"{kind} {name}", look, seconds=seconds, every=0.3, seen=lambda: seen[0].get("status"))

    def jobs(self, run_id: str) -> list[Body]:
        """The Jobs of a run."""
        return self.kubectl.list("jobs", "-l", f"headrace.dev/run={run_id}")


def _execute(dsn: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def _resource(kind: str, name: str) -> Body:
    return {"apiVersion": "headrace.dev/v1alpha1", "kind": kind, "metadata": {"name": name}}


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.title() for word in rest)
