"""The store's schema is made once, whoever starts, dies or lacks a right."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from typing import Any, LiteralString
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from headrace.errors import PermanentError, UnavailableError
from headrace.store.migrate import migrate, migrate_when_ready
from headrace.store.store import Store

_PROGRAM = "import sys; from headrace.store.migrate import migrate; migrate(sys.argv[1])"


def _tables(dsn: str) -> set[str]:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname !~ '^(pg_|inf)'"
        )
        return {name for (name,) in rows}


def _start(dsn: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", _PROGRAM, dsn], stderr=subprocess.PIPE)


def test_everything_lies_in_one_schema_and_a_second_time_changes_nothing(database: str) -> None:
    migrate(database)
    first = _tables(database)
    migrate(database)
    assert {"headrace.runs", "headrace.run_logs", "headrace.checkpoints", "headrace.epochs"} < first
    assert {"headrace.target_fences", "headrace.dead_letters", "headrace.wal_history", "headrace.wal_counts"} < first
    assert {name.split(".")[0] for name in first} == {"headrace"}
    assert _tables(database) == first
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM headrace._yoyo_log").fetchone() == (5,)


def test_processes_that_start_at_once_all_succeed(database: str) -> None:
    processes = [_start(database) for _ in range(4)]
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0, 0], errors
    assert "headrace.runs" in _tables(database)


def test_a_process_killed_at_any_moment_leaves_a_store_that_migrates(server: Any) -> None:
    for delay in (0.3, 0.4, 0.5, 0.6, 0.7):
        name = server.create_database()
        try:
            process = _start(server.dsn(name))
            time.sleep(delay)
            process.kill()
            process.communicate(timeout=10)
            migrate(server.dsn(name))
            assert "headrace.runs" in _tables(server.dsn(name))
        finally:
            server.drop_database(name)


def test_a_process_killed_while_it_holds_the_lock_holds_nothing_afterwards(database: str) -> None:
    with psycopg.connect(database) as blocker:
        # The first one waits in the middle of its transaction: for the name of a table that we are about to make.
        blocker.execute("CREATE SCHEMA headrace")
        process = _start(database)
        _wait_until(database, "SELECT count(*) FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted", 1)
        assert _query(database, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted") == 1
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=10)
        blocker.rollback()
    migrate(database)
    assert "headrace.runs" in _tables(database)


def test_a_step_that_fails_leaves_nothing_and_says_why(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("CREATE SCHEMA headrace CREATE TABLE epochs (something_else int)")
    with pytest.raises(PermanentError, match='relation "epochs" already exists'):
        migrate(database)
    assert _tables(database) == {"headrace.epochs"}


def test_without_the_right_the_error_says_what_to_run(server: Any, database: str) -> None:
    role, password = f'Op "{uuid4().hex[:8]}', "p@ss:w/ord '\\ ü%&?"
    with psycopg.connect(database, autocommit=True) as connection:
        command = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
        connection.execute(command.format(sql.Identifier(role), sql.Literal(password)))
        dsn = make_conninfo(database, user=role, password=password)
        try:
            with pytest.raises(PermanentError, match="permission denied for database") as raised:
                migrate(dsn)
            assert password not in str(raised.value)
            connection.execute(str(raised.value).split("run: ")[1])
            migrate(dsn)
            migrate(dsn)
        finally:
            connection.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(role)))


def test_a_url_with_special_characters_is_understood(server: Any, database: str) -> None:
    role, password = f"op_{uuid4().hex[:8]}", "p@ss:w/ord '\\ ü%&?#"
    parts = conninfo_to_dict(database)
    with psycopg.connect(database, autocommit=True) as connection:
        command = sql.SQL("CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}")
        connection.execute(command.format(sql.Identifier(role), sql.Literal(password)))
        address = f"{parts['host']}:{parts.get('port', 5432)}/{parts['dbname']}"
        try:
            migrate(f"postgresql://{role}:{quote(password, safe='')}@{address}?sslmode=prefer")
        finally:
            connection.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(role)))


def test_a_connection_string_that_cannot_be_read_is_not_quoted() -> None:
    with pytest.raises(PermanentError, match="neither a libpq URL") as raised:
        migrate("host=x password=se cret")
    assert "cret" not in str(raised.value)


async def test_it_waits_for_a_postgres_that_is_away(own_server: Any) -> None:
    dsn = own_server.dsn(own_server.create_database())
    own_server.stop()
    try:
        with pytest.raises(UnavailableError, match="nothing listens"):
            await migrate_when_ready(dsn, wait=False)
        waiting = asyncio.create_task(migrate_when_ready(dsn, wait=True))
        await asyncio.sleep(1)
        assert not waiting.done()
    finally:
        own_server.start()
    await asyncio.wait_for(waiting, 20)
    assert "headrace.runs" in _tables(dsn)


def _query(dsn: str, query: LiteralString) -> Any:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(query).fetchone()
        return row[0] if row else None


def _wait_until(dsn: str, query: LiteralString, value: object) -> None:
    deadline = time.monotonic() + 20
    while _query(dsn, query) != value:
        assert time.monotonic() < deadline, query
        time.sleep(0.05)


def test_a_store_of_the_version_before_keeps_what_it_has(database: str) -> None:
    """As it was when there were no indices: a run of then has no refused rows."""
    migrate(database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP TABLE headrace.target_fences, headrace.dead_letters")
        connection.execute("ALTER TABLE headrace.runs DROP COLUMN bad_rows")
        connection.execute("DELETE FROM headrace._yoyo_migration WHERE migration_id = '0002_elasticsearch'")
        connection.execute("""
            INSERT INTO headrace.runs (run_id, installation, namespace, pipeline_uid, pipeline_name, run_name, kind,
                                       status, created_at)
            VALUES (gen_random_uuid(), 'i', 'n', gen_random_uuid(), 'p', 'r', 'Load', 'SUCCESS', now())
        """)
        migrate(database)
        assert connection.execute("SELECT bad_rows FROM headrace.runs").fetchone() == (0,)


_BACK_TO_0003: LiteralString = """
    DROP FUNCTION headrace.count_inserted_runs, headrace.count_updated_runs, headrace.count_deleted_runs,
        headrace.ask_for_count, headrace.add_run_counts, headrace.run_count, headrace.run_seconds CASCADE;
    DROP TABLE headrace.run_counts;
    DROP INDEX headrace.runs_listed, headrace.runs_by_status, headrace.runs_by_pipeline_and_status,
        headrace.runs_finished;
    ALTER TABLE headrace.runs DROP COLUMN project, DROP COLUMN pipeline_shown, DROP COLUMN params, DROP COLUMN tags,
        DROP COLUMN cancel_reason, DROP COLUMN schedule, DROP COLUMN schedule_uid, DROP COLUMN due_at,
        DROP COLUMN backfill, DROP COLUMN backfill_uid, DROP COLUMN nodes, DROP COLUMN is_stream, DROP COLUMN stages,
        DROP COLUMN caught_up_at;
    DELETE FROM headrace._yoyo_migration WHERE migration_id = '0004_projects';
"""


@pytest.mark.parametrize("version", [13, 14, 15, 16, 17, 18])
async def test_the_runs_of_before_are_counted(server_of: Any, version: int) -> None:
    """Each once: those that are listed, and what those took that have started and finished."""
    server = server_of(version)
    name = server.create_database()
    dsn = server.dsn(name)
    migrate(dsn)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(_BACK_TO_0003)
        connection.execute("""
            INSERT INTO headrace.runs (run_id, installation, namespace, pipeline_uid, pipeline_name, run_name, kind,
                                       status, created_at, started_at, finished_at, deleted_at)
            SELECT gen_random_uuid(), 'headrace', 'etl', gen_random_uuid(), 'p', 'r', kind, status, at, started_at,
                   finished_at, deleted_at
            FROM (SELECT now() AS at, now() - interval '9.5 s' AS ago) AS t CROSS JOIN LATERAL (VALUES
                ('Load', 'SUCCESS', ago, at, NULL), ('Rebuild', 'FAILED', NULL, at, NULL),
                ('Load', 'FAILED', at, ago, NULL), ('Load', 'RUNNING', ago, NULL, NULL),
                ('Reconcile', 'SUCCESS', ago, at, NULL), ('Load', 'SUCCESS', ago, at, at)
            ) AS runs (kind, status, started_at, finished_at, deleted_at)
        """)
    migrate(dsn)
    store = Store(dsn)
    try:
        found = await store.statistics(("headrace", "etl"))
        assert found.runs_by_state == {"FAILED": 2, "RUNNING": 1, "SUCCESS": 1}
        assert found.average_run_seconds == 9.5 / 2
    finally:
        await store.close()
        server.drop_database(name)


async def test_a_schema_of_the_version_before_is_one_that_is_not_there_yet(database: str) -> None:
    migrate(database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(_BACK_TO_0003)
    store = Store(database)
    try:
        with pytest.raises(UnavailableError, match="not there yet"):
            await store.find_run(("headrace", "etl"), str(uuid4()))
    finally:
        await store.close()


def _run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "headrace.store.migrate", *arguments]
    own = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
    return subprocess.run(command, env=own | environ, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_says_in_a_line_that_it_is_done(database: str) -> None:
    for _ in range(2):
        done = _run(HEADRACE_STORE_DSN=database)
        assert (done.returncode, done.stdout, done.stderr) == (0, "The store's schema is up to date.\n", "")
    assert "headrace.runs" in _tables(database)


def test_the_command_waits_for_a_postgres_that_starts_later(own_server: Any) -> None:
    dsn = own_server.dsn(own_server.create_database())
    own_server.stop()
    environ = os.environ | {"HEADRACE_STORE_DSN": dsn}
    command = [sys.executable, "-m", "headrace.store.migrate"]
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        assert "nothing listens" in process.stderr.readline()
    finally:
        own_server.start()
    assert process.communicate(timeout=30)[0] == "The store's schema is up to date.\n"
    assert process.returncode == 0


def test_the_command_waits_no_longer_than_it_may_and_names_no_host(own_server: Any) -> None:
    dsn = make_conninfo(own_server.dsn(own_server.create_database()), password="planted-secret")
    own_server.stop()
    try:
        done = _run(HEADRACE_STORE_DSN=dsn, HEADRACE_MIGRATE_SECONDS="1")
    finally:
        own_server.start()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith("The store's Postgres can't be reached: nothing listens")
    assert not [secret for secret in ("planted-secret", "127.0.0.1", "Traceback") if secret in done.stderr]


def test_a_wrong_password_is_not_shown(database: str) -> None:
    role = f"op_{uuid4().hex[:8]}"
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'right'").format(sql.Identifier(role)))
        try:
            dsn = make_conninfo(database, user=role, password="planted-secret")
            done = _run(HEADRACE_STORE_DSN=dsn, HEADRACE_MIGRATE_SECONDS="0")
        finally:
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))
    assert (done.returncode, done.stdout) == (1, "")
    assert "wrong user name or password" in done.stderr
    assert not [secret for secret in ("planted-secret", "127.0.0.1", "Traceback") if secret in done.stderr]


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({}, "HEADRACE_STORE_DSN is missing"),
        ({"HEADRACE_STORE_DSN": "host=x password=se cret"}, "neither a libpq URL"),
        ({"HEADRACE_STORE_DSN": "host=x", "HEADRACE_MIGRATE_SECONDS": "-1"}, "HEADRACE_MIGRATE_SECONDS is not"),
        ({"HEADRACE_STORE_DSN": "host=x", "HEADRACE_MIGRATE_SECONDS": "soon"}, "HEADRACE_MIGRATE_SECONDS is not"),
    ],
)
def test_a_setting_that_is_wrong_is_named_and_not_quoted(environ: dict[str, str], sentence: str) -> None:
    done = _run(**environ)
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "cret" not in done.stderr


def test_the_command_explains_itself() -> None:
    shown, refused = _run("--help"), _run("now")
    assert (shown.returncode, refused.returncode) == (0, 1)
    assert shown.stdout == refused.stderr
    assert "HEADRACE_MIGRATE_SECONDS" in shown.stdout


def test_the_command_ends_when_it_is_told_to(own_server: Any) -> None:
    dsn = own_server.dsn(own_server.create_database())
    own_server.stop()
    try:
        command = [sys.executable, "-m", "headrace.store.migrate"]
        environ = os.environ | {"HEADRACE_STORE_DSN": dsn}
        process = subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        process.stderr.readline()
        process.terminate()
        process.communicate(timeout=5)
        assert process.returncode == 128 + signal.SIGTERM
    finally:
        own_server.start()
