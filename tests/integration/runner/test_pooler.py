"""A connection pooler in front of the databases: what works through it, and what is refused with words."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
CONFIG = """
[databases]
* = host={host} port={port} user={user} password={password}
[pgbouncer]
pool_mode = {mode}
listen_addr =
listen_port = 6432
unix_socket_dir = {folder}
auth_type = any
auth_file = {folder}/users
default_pool_size = {size}
ignore_startup_parameters = extra_float_digits
"""
SOURCE = (
    "CREATE TABLE rows (id int PRIMARY KEY, at int, v text)",
    "INSERT INTO rows SELECT n, n, 'v' || n FROM generate_series(1, 500) AS n",
)
QUERY = "SELECT * FROM rows"
INCREMENTAL = {"mode": "incremental", "incremental_key": "at"}
REFUSED = (
    "The target is reached through a connection pooler in transaction mode: "
    "use a direct connection, or a pool in session mode"
)

pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not on this machine")


@contextmanager
def started(dsn: str, mode: str, size: int) -> Iterator[str]:
    """Runs a pooler in front of a server; gives its folder."""
    server = conninfo_to_dict(dsn)
    # Not pytest's tmp_path: the path of a socket holds at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="headrace-pool-") as folder:
        path = Path(folder)
        names = {name: server[name] for name in ("host", "port", "user", "password")}
        (path / "users").write_text(f'"{server["user"]}" ""\n')
        (path / "ini").write_text(CONFIG.format(**names, mode=mode, size=size, folder=folder))
        other_user = ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.geteuid() == 0 else []
        log = (path / "log").open("wb")
        process = subprocess.Popen([*other_user, str(PGBOUNCER), str(path / "ini")], stdout=log, stderr=log)
        log.close()
        try:
            until = time.monotonic() + 10
            while not (path / ".s.PGSQL.6432").exists():
                assert time.monotonic() < until, (path / "log").read_text()
                time.sleep(0.01)
            yield folder
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def pool(rig: Any) -> Iterator[Callable[..., Any]]:
    """Starts poolers; returns a function from a DSN to that of the same database through one."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        folders: dict[tuple[str, int], str] = {}

        def through(dsn: str, mode: str, size: int = 20, **login: str) -> str:
            server = conninfo_to_dict(dsn) | login
            if (mode, size) not in folders:
                at = make_conninfo(rig.target, **login, **({"user": server["user"]} if login else {}))
                folders[mode, size] = stack.enter_context(started(at, mode, size))
            return make_conninfo(
                host=folders[mode, size], port=6432, user=server["user"], dbname=server["dbname"], sslmode="disable"
            )

        yield through


@pytest.mark.parametrize("fields", [{}, INCREMENTAL], ids=["full", "incremental"])
def test_all_databases_through_pools_in_session_mode(rig, pool, fields):
    rig.on_source(*SOURCE)
    dsns = {f"{which}_dsn": pool(getattr(rig, which), "session") for which in ("source", "target", "store")}
    for _ in range(2):
        ended = rig.run(rig.spec(QUERY, **fields), **dsns)
        assert (ended.code, ended.outcome) == (0, "DONE"), ended
        rig.assert_same(QUERY)


@pytest.mark.parametrize("size", [1, 2, 20])
def test_a_target_through_a_pool_in_transaction_mode_is_refused(rig, pool, size):
    rig.on_source(*SOURCE)
    ended = rig.run(rig.spec(QUERY), target_dsn=pool(rig.target, "transaction", size))
    assert (ended.code, ended.message) == (64, REFUSED)
    assert rig.on_target("SELECT to_regnamespace('headrace')") == [(None,)]


@pytest.mark.parametrize("which", ["source", "store"])
@pytest.mark.parametrize("fields", [{}, INCREMENTAL], ids=["full", "incremental"])
def test_source_and_store_through_a_pool_in_transaction_mode(rig, pool, which, fields):
    rig.on_source(*SOURCE)
    dsn = pool(getattr(rig, which), "transaction")
    ended = rig.run(rig.spec(QUERY, snapshot_seconds=0.0, **fields), **{f"{which}_dsn": dsn})
    assert (ended.code, ended.outcome) == (0, "DONE"), ended
    rig.assert_same(QUERY)


@pytest.mark.parametrize("fields", [{}, INCREMENTAL], ids=["full", "incremental"])
def test_a_pool_in_transaction_mode_neither_hides_rows_nor_keeps_what_a_run_set(rig, pool, fields):
    """Its one server process has been set by somebody else to leave rows out, and is as it was afterwards."""
    role = f"r_{time.time_ns()}"
    rig.on_source(
        *SOURCE,
        f"CREATE ROLE {role} LOGIN PASSWORD 'reader'",
        f"GRANT USAGE ON SCHEMA public TO {role}",
        f"GRANT SELECT ON rows TO {role}",
    )
    try:
        pooled = pool(make_conninfo(rig.source, user=role), "transaction", 1, password="reader")
        assert rig.run(rig.spec(QUERY, **fields), source_dsn=pooled).code == 0
        rig.on_source("ALTER TABLE rows ENABLE ROW LEVEL SECURITY")
        ended = rig.run(rig.spec(QUERY, **fields), source_dsn=pooled)
        assert (ended.code, "row level security applies" in ended.message) == (64, True)
        with psycopg.connect(pooled, autocommit=True, prepare_threshold=None) as stranger:
            assert stranger.execute("SHOW row_security").fetchone() == ("on",)
            stranger.execute("SET row_security = off")
        opted_in = make_conninfo(pooled, options="-c row_security=on")
        assert rig.run(rig.spec(QUERY, allow_empty=True, **fields), source_dsn=opted_in).code == 0
    finally:
        rig.on_source(f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_a_run_does_not_end_a_stranger_to_whom_the_pool_gave_its_predecessors_server_process(rig, pool):
    rig.on_source(*SOURCE)
    pooled = pool(rig.target, "session", 1)
    assert rig.run(rig.spec(QUERY), target_dsn=pooled).code == 0
    with psycopg.connect(pooled, prepare_threshold=None) as stranger:
        pid = "SELECT pid = (SELECT backend_pid FROM headrace.pipeline_checkpoints) FROM pg_stat_activity"
        assert stranger.execute(f"{pid} WHERE pid = pg_backend_pid()").fetchone() == (True,)
        assert rig.run(rig.spec(QUERY)).code == 0
        assert stranger.execute("SELECT 'alive'").fetchone() == ("alive",)


def test_a_server_process_that_had_temporary_tables_before_is_as_good_as_a_new_one(rig, pool):
    rig.on_source(*SOURCE)
    pooled = pool(rig.target, "session", 1)
    with psycopg.connect(pooled, prepare_threshold=None) as stranger:
        stranger.execute("CREATE TEMP TABLE mine AS SELECT 1")
    ended = rig.run(rig.spec(QUERY), target_dsn=pooled)
    assert (ended.code, ended.message) == (0, None)
