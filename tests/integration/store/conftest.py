"""A migrated store for each test, and runs to put into it."""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from headrace.runspec import RunSpec
from headrace.store.records import RunRecord
from headrace.store.store import Store

NewRun = Callable[..., RunRecord]
CREATED = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


@pytest.fixture
def store_dsn(store_database: str) -> str:
    """A database with the store's schema."""
    return store_database


@pytest.fixture
async def store(store_dsn: str) -> AsyncIterator[Store]:
    """A store over a fresh database."""
    store = Store(store_dsn)
    yield store
    await store.close()


@pytest.fixture
def runner(store_dsn: str) -> Iterator[psycopg.Connection[Any]]:
    """The connection by which a runner would report."""
    with psycopg.connect(store_dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture
def pipeline_uid() -> str:
    """The uid of the pipeline `film-dim`."""
    return str(uuid4())


@pytest.fixture
def new_run(pipeline_uid: str) -> NewRun:
    """Makes runs of `film-dim`, created `minutes` after a fixed moment; nothing is stored."""

    def make(*, minutes: int = 0, **changes: Any) -> RunRecord:
        values: dict[str, Any] = {
            "run_id": str(uuid4()),
            "installation": "headrace",
            "namespace": "etl",
            "pipeline_uid": pipeline_uid,
            "pipeline_name": "film-dim",
            "run_name": f"{pipeline_uid}-1",
            "kind": "Load",
            "status": "PENDING",
            "created_at": CREATED + timedelta(minutes=minutes),
        }
        return RunRecord(**{**values, **changes})

    return make


@pytest.fixture
def spec_of() -> Callable[[RunRecord], RunSpec]:
    """Makes what the operator would write for a run."""

    def make(run: RunRecord) -> RunSpec:
        return RunSpec(
            run_id=run.run_id,
            installation=run.installation,
            namespace=run.namespace,
            pipeline_name=run.pipeline_name,
            pipeline_uid=run.pipeline_uid,
            query="SELECT id, '100 %' AS \"ü\" FROM content.film_work",
            target_schema="analytics",
            target_table="film_dim",
            key_columns=("id",),
        )

    return make
