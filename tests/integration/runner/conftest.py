"""A source, a target and a store for one run after another, in-process or as real processes."""

import dataclasses
import io
import itertools
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from psycopg import sql

from headrace.model.conditions import SOURCE_ROLE
from headrace.runspec import RunSpec
from headrace_runner.log import Log
from headrace_runner.run import Exit, run
from headrace_runner.settings import Settings
from headrace_runner.stop import Stop

_SERIAL = itertools.count(1)


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a run ended: its exit code, and its row in the store."""

    code: int
    outcome: str | None
    message: str | None
    rows_read: int
    rows_written: int
    batches: int
    result: dict[str, Any] | None
    notes: dict[str, str]
    """But for the one about the source's role, which is here a superuser."""
    role: dict[str, str]
    """That one."""
    log: list[str]


class Rig:
    """Three databases, and runs that move rows between two of them."""

    def __init__(self, source: str, target: str, store: str) -> None:
        self.source = source
        self.target = target
        self.store = store

    def on_source(self, *statements: str) -> list[tuple[Any, ...]]:
        """Runs statements on the source; returns the rows of the last one."""
        return execute(self.source, *statements)

    def on_target(self, *statements: str) -> list[tuple[Any, ...]]:
        """Runs statements on the target; returns the rows of the last one."""
        return execute(self.target, *statements)

    def spec(self, query: str, table: str = "analytics.copy", **fields: Any) -> RunSpec:
        """A run of the pipeline `films`, with a uid of its own, known to the store."""
        schema, name = table.split(".", 1)
        values = {
            "run_id": str(uuid.uuid4()),
            "installation": "test",
            "namespace": "default",
            "pipeline_name": "films",
            "pipeline_uid": "00000000-0000-4000-8000-000000000001",
            "query": query,
            "target_schema": schema,
            "target_table": name,
            "fingerprint": query,
            "batch_size": 100,
            **fields,
        }
        spec = RunSpec(**values)
        self.save(spec)
        return spec

    def save(self, spec: RunSpec) -> None:
        """What the operator does before it creates the Job."""
        query = """
            INSERT INTO headrace.runs
                (run_id, installation, namespace, pipeline_uid, pipeline_name, run_name, kind, status, spec, created_at)
            VALUES (%s, %s, %s, %s, %s, 'run', %s, 'RUNNING', %s, now())
        """
        names = (spec.installation, spec.namespace, spec.pipeline_uid, spec.pipeline_name)
        with psycopg.connect(self.store, autocommit=True) as connection:
            connection.execute(query, (spec.run_id, *names, spec.kind, spec.to_json()))

    def settings(self, spec: RunSpec, epoch: int | None = None, **changes: Any) -> Settings:
        """What the Job's environment says; every call is a later Job unless `epoch` is given."""
        values = {
            "run_id": spec.run_id,
            "epoch": next(_SERIAL) if epoch is None else epoch,
            "store_dsn": self.store,
            "source_dsn": self.source,
            "target_dsn": self.target,
            "allowed_targets": ("*",),
            "retry_seconds": (0.05, 0.1, 0.2, 0.4),
            **changes,
        }
        return Settings(**values)

    def run(self, spec: RunSpec, **changes: Any) -> Ended:
        """Runs in this process."""
        stream = io.StringIO()
        settings = self.settings(spec, **changes)
        code = run(settings, Stop(settings.grace_seconds), Log(spec.run_id, stream))
        return self.ended(spec, code, stream.getvalue())

    def load(self, query: str, table: str = "analytics.copy", **fields: Any) -> Ended:
        """Runs a query that must succeed."""
        ended = self.run(self.spec(query, table, **fields))
        assert (ended.code, ended.outcome) == (Exit.DONE, "DONE"), ended
        return ended

    def spawn(self, spec: RunSpec, *, epoch: int | None = None, **environ: str) -> "subprocess.Popen[str]":
        """Starts a runner as a process of its own."""
        settings = self.settings(spec, epoch=epoch)
        variables = {
            "HEADRACE_RUN_ID": spec.run_id,
            "HEADRACE_EPOCH": str(settings.epoch),
            "HEADRACE_STORE_DSN": self.store,
            "HEADRACE_SOURCE_DSN": self.source,
            "HEADRACE_TARGET_DSN": self.target,
            "ALLOWED_TARGET_TABLES": "*",
            **environ,
        }
        return subprocess.Popen(
            [sys.executable, "-m", "headrace_runner"],
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait(self, process: "subprocess.Popen[str]", spec: RunSpec, seconds: float = 60) -> Ended:
        """Waits for a process's end."""
        output, _ = process.communicate(timeout=seconds)
        return self.ended(spec, process.returncode, output)

    def wait_until_read(self, spec: RunSpec, rows: int, seconds: float = 30) -> None:
        """Waits until the checkpoint says that so many rows were committed."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.checkpoint(spec).get("rows_read", 0) >= rows:
                return
            time.sleep(0.01)
        raise AssertionError(f"{rows} rows were not committed in {seconds} s")

    def checkpoint(self, spec: RunSpec) -> dict[str, Any]:
        """The checkpoint row in the target, empty when there is none."""
        query = """
            SELECT to_jsonb(c) FROM headrace.pipeline_checkpoints AS c
            WHERE pipeline_name = %s AND run_id = %s
        """
        with psycopg.connect(self.target, autocommit=True) as connection:
            try:
                row = connection.execute(query, (spec.pipeline_name, spec.run_id)).fetchone()
            except psycopg.errors.UndefinedTable:
                return {}
        return row[0] if row else {}

    def ended(self, spec: RunSpec, code: int, output: str) -> Ended:
        """What the store knows of a run that ended."""
        query = """
            SELECT outcome, outcome_message, rows_read, rows_written, batches, result, notes FROM headrace.runs
            WHERE run_id = %s
        """
        with psycopg.connect(self.store, autocommit=True) as connection:
            row = connection.execute(query, (spec.run_id,)).fetchone()
        assert row is not None
        log = [json.loads(line)["event"] if line.startswith("{") else line for line in output.splitlines()]
        notes = row[-1] or {}
        role = {reason: notes.pop(reason) for reason in list(notes) if reason in SOURCE_ROLE}
        return Ended(code, *row[:-1], notes, role, log)

    def assert_same(self, query: str, table: str = "analytics.copy") -> None:
        """Fails unless the target holds just what the query gives, byte for byte."""
        assert checksum(self.target, f"SELECT * FROM {table}", like=query, source=self.source) == checksum(
            self.source, query, like=query, source=self.source
        )


def checksum(dsn: str, query: str, *, like: str, source: str) -> tuple[int, str | None]:
    """Rows, and a sum over all columns of `like`, in any order."""
    query, like = query.rstrip("; \n"), like.rstrip("; \n")
    with psycopg.connect(source, autocommit=True) as connection:
        columns = [
            column.name.replace('"', '""')
            for column in connection.execute(f"SELECT * FROM ({like}\n) AS q LIMIT 0").description or ()
        ]
    items = ", ".join(f'q."{name}"' for name in columns)
    rows = f"SELECT md5(ROW({items})::text) AS row FROM ({query}\n) AS q"
    ((count, total),) = execute(dsn, f"SELECT count(*), md5(string_agg(row, '' ORDER BY row)) FROM ({rows}) AS r")
    return count, total


def execute(dsn: str, *statements: str) -> list[tuple[Any, ...]]:
    """Runs statements, each in a transaction of its own; returns the rows of the last one."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        for statement in statements:
            cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="session")
def store_dsn(server: Any, migrated: str) -> Iterator[str]:
    """One store for all runs: their ids differ."""
    name = server.create_database(template=migrated)
    yield server.dsn(name)
    server.drop_database(name)


@pytest.fixture(scope="session")
def emptied(server: Any) -> Iterator[Callable[[Any, str], str]]:
    """Gives the DSN of an empty database of a server; to make new ones for each test takes longer than the tests."""
    made: dict[tuple[Any, str], str] = {}

    def find(at: Any, role: str) -> str:
        if (at, role) not in made:
            made[at, role] = at.create_database()
        dsn = str(at.dsn(made[at, role]))
        empty(dsn)
        return dsn

    yield find
    for (at, _), name in made.items():
        # The others are gone already, with all that was on them.
        if at is server:
            at.drop_database(name)


@pytest.fixture
def rig_on(emptied: Callable[[Any, str], str], store_dsn: str) -> Callable[..., Rig]:
    """Makes a rig of one server or two; whoever needs databases of his own takes `rig_between`."""

    def make(source: Any, target: Any = None) -> Rig:
        return Rig(emptied(source, "source"), emptied(target or source, "target"), store_dsn)

    return make


@pytest.fixture
def rig(rig_on: Callable[..., Rig], server: Any) -> Rig:
    """An empty source, an empty target and a store."""
    return rig_on(server)


@pytest.fixture
def debian_rig(rig_on: Callable[..., Rig], debian_server: Any) -> Rig:
    """The same on Debian's PostgreSQL, but for the store."""
    return rig_on(debian_server)


@pytest.fixture
def rig_between(store_dsn: str) -> Iterator[Callable[..., Rig]]:
    """Makes a rig of new databases; `on_source` and `on_target` are clauses for CREATE DATABASE."""
    with ExitStack() as stack:

        def database(server: Any, clauses: str) -> str:
            name = server.create_database(clauses)
            stack.callback(server.drop_database, name)
            return str(server.dsn(name))

        def make(source: Any, target: Any, on_source: str = "", on_target: str = "") -> Rig:
            return Rig(database(source, on_source), database(target, on_target), store_dsn)

        yield make


def empty(dsn: str) -> None:
    """Removes all that a test made in a database."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        for (gid,) in connection.execute("SELECT gid FROM pg_prepared_xacts WHERE database = current_database()"):
            connection.execute(sql.SQL("ROLLBACK PREPARED {}").format(sql.Literal(gid)))
        slots = "SELECT slot_name FROM pg_replication_slots WHERE database = current_database()"
        for (slot,) in connection.execute(slots).fetchall():
            connection.execute("SELECT pg_drop_replication_slot(%s)", (slot,))
        for (name,) in connection.execute("SELECT pubname FROM pg_publication").fetchall():
            connection.execute(sql.SQL("DROP PUBLICATION {}").format(sql.Identifier(name)))
        schemas = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
        for (schema,) in connection.execute(schemas).fetchall():
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))
        connection.execute("CREATE SCHEMA public")
