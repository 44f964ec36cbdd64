"""docs/backup.md is true: its commands bring a store back as it was, and an operator goes on with it."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from tests.integration.conftest import Server

from headrace.store.migrate import migrate
from headrace.store.records import RunRecord
from headrace.store.store import Store
from headrace_local.machine.postgres import binaries

PAGE = Path(__file__).parents[3] / "docs" / "backup.md"


def command(program: str) -> str:
    """The one line of the page that begins with it."""
    (line,) = re.findall(rf"^\s*({program} .*)$", PAGE.read_text(), re.MULTILINE)
    return line


def run(line: str, folder: Path, **environment: str) -> None:
    """Runs it with the programs of the server's version."""
    path = f"{binaries()}:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, **environment}
    done = subprocess.run(line, shell=True, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def empty(server: Server) -> Iterator[str]:
    """Another database, with nothing in it."""
    name = server.create_database()
    yield server.dsn(name)
    server.drop_database(name)


async def test_a_restored_store_knows_its_history_and_goes_on(
    store: Store, store_dsn: str, empty: str, new_run: Callable[..., RunRecord], tmp_path: Path
) -> None:
    made = new_run(status="SUCCESS", epoch=7)
    await store.save_run(made)
    drawn = await store.draw_epoch("headrace", "etl", "film-dim")
    run(command("pg_dump"), tmp_path, STORE_DSN=store_dsn)
    run(command("pg_restore"), tmp_path, NEW_STORE_DSN=empty)
    migrate(empty)
    restored = Store(empty)
    try:
        assert await restored.get_run(made.run_id, pipeline_uid=made.pipeline_uid) == made
        assert (await restored.statistics(("headrace", "etl"))).runs_by_state == {"SUCCESS": 1}
        await restored.save_run(new_run(status="RUNNING"))
        assert await restored.count_all_runs(("headrace", "etl")) == 2
        assert await restored.draw_epoch("headrace", "etl", "film-dim") > drawn
    finally:
        await restored.close()


def test_a_dump_is_not_restored_over_another_store(store_dsn: str, tmp_path: Path) -> None:
    """All or nothing: what is there stays as it is."""
    run(command("pg_dump"), tmp_path, STORE_DSN=store_dsn)
    with psycopg.connect(store_dsn, autocommit=True) as connection:
        before = connection.execute("SELECT count(*) FROM pg_class").fetchone()
    with pytest.raises(AssertionError, match="already exists"):
        run(command("pg_restore"), tmp_path, NEW_STORE_DSN=store_dsn)
    with psycopg.connect(store_dsn, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM pg_class").fetchone() == before
