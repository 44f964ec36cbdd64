"""Headrace's runner as a bare process: what a run's Job executes, without Kubernetes."""

import sys
import uuid
from dataclasses import dataclass

import psycopg

from headrace.runspec import Mode, RunSpec
from headrace.store.migrate import migrate
from headrace_bench.data import QUERY, TABLE
from headrace_bench.place import Place
from headrace_bench.process import Took, measure
from headrace_bench.server import SOURCE, STORE, TARGET

_SAVE = """
    INSERT INTO headrace.runs
        (run_id, installation, namespace, pipeline_uid, pipeline_name, run_name, kind, status, spec, created_at)
    VALUES (%s, 'bench', 'default', %s, %s, 'run', 'Load', 'RUNNING', %s, now())
"""


@dataclass(frozen=True, slots=True)
class Job:
    """What a run does; a pipeline's name brings the checkpoint of its earlier run, None is a pipeline of its own."""

    batch_size: int
    mode: str = "full"
    table: str = TABLE
    """`es:index` is one of Elasticsearch's."""
    pipeline: str | None = None
    query: str = QUERY
    version_column: str | None = None


def run(place: Place, job: Job, elasticsearch: str = "") -> Took:
    """Runs `python -m headrace_runner`, from the start of the process to its end; `elasticsearch` is a URL."""
    number = place.next_number()
    spec = _spec(job, job.pipeline or f"events-{number}")
    store = place.server.dsn(STORE)
    migrate(store)
    with psycopg.connect(store, autocommit=True) as connection:
        connection.execute(_SAVE, (spec.run_id, spec.pipeline_uid, spec.pipeline_name, spec.to_json()))
    environ = {
        "HEADRACE_RUN_ID": spec.run_id,
        "HEADRACE_EPOCH": str(number),
        "HEADRACE_STORE_DSN": store,
        "HEADRACE_SOURCE_DSN": place.server.dsn(SOURCE),
        **_target(place, job, elasticsearch),
        "ALLOWED_TARGET_TABLES": "*",
        "HEADRACE_TERMINATION_LOG": str(place.folder / "termination"),
    }
    return measure([[sys.executable, "-m", "headrace_runner"]], environ=environ, log=place.log)


def _target(place: Place, job: Job, elasticsearch: str) -> dict[str, str]:
    if job.table.startswith("es:"):
        return {"HEADRACE_ELASTICSEARCH_URL": elasticsearch}
    return {"HEADRACE_TARGET_DSN": place.server.dsn(TARGET)}


def _spec(job: Job, pipeline: str) -> RunSpec:
    kind, _, index = job.table.rpartition(":")
    schema, _, table = index.rpartition(".")
    return RunSpec(
        run_id=str(uuid.uuid4()),
        installation="bench",
        namespace="default",
        pipeline_name=pipeline,
        pipeline_uid=str(uuid.uuid5(uuid.NAMESPACE_OID, pipeline)),
        mode=Mode(job.mode),
        query=job.query,
        target_kind="elasticsearch" if kind else "postgres",
        target_schema=schema,
        target_table=table,
        incremental_key="modified" if job.mode == "incremental" else None,
        batch_size=job.batch_size,
        key_columns=("id",),
        version_column=job.version_column,
        fingerprint=job.query,
    )
