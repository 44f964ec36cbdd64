"""What the runner reads from and tells the store; it imports this, so there is no pydantic and no pool in it."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg import Connection

from headrace.errors import PermanentError
from headrace.runspec import RunSpec

DONE, FAILED, STOPPED = "DONE", "FAILED", "STOPPED"
"""Outcomes: how a runner ended, in its own words. None while it runs."""
CANCELLED = "CANCELLED"
"""The status that the operator gives a run that was given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter:
    """Who reports: a message of a smaller (epoch, holder, sequence) never overwrites that of a greater one."""

    run_id: str
    epoch: int
    holder: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is. All counts are totals of the run over all its attempts, of committed batches only."""

    sequence: int
    """Grows with every report of one reporter."""
    rows_read: int = 0
    rows_written: int = 0
    bad_rows: int = 0
    """Rows that the target refused and that were put aside."""
    batches: int = 0
    bytes_read: int = 0
    """What the source sent. Unlike the counts it is not of committed batches: what is read again counts again."""
    last_key: tuple[str | None, ...] | None = None
    """The last committed row's key columns as text."""
    last_value: str | None = None
    """The last committed cursor value as text."""
    advanced: bool = False
    """A batch was committed since the last report."""
    outcome: str | None = None
    message: str | None = None
    """With FAILED, and while attempts fail: what a person can act on."""
    result: dict[str, Any] | None = None
    """Of a reconcile."""
    notes: dict[str, str] | None = None
    """Conditions that the runner found, reason to sentence; the operator shows them."""
    stages: dict[str, Any] | None = None
    """extract, transform and load: for each `state`, `started_at`, `finished_at`, `rows_read`, `rows_written`."""
    caught_up_age: float | None = None
    """Of a stream: so many seconds ago the last poll began that brought everything there was."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that a person may read: when, level (DEBUG, INFO, WARNING, ERROR), text."""

    at: datetime
    level: str
    message: str


def load_spec(connection: Connection[Any], run_id: str) -> RunSpec | None:
    """The run as the operator wrote it, or None when the store has no such run.

    Raises PermanentError for one that only a newer version knows how to do.
    """
    row = connection.execute("SELECT spec FROM headrace.runs WHERE run_id = %s", (run_id,)).fetchone()
    try:
        return RunSpec.from_json(row[0]) if row and row[0] else None
    except ValueError as error:
        raise PermanentError("The run is of a kind or a mode that this version of the runner does not know") from error


def run_status(connection: Connection[Any], run_id: str) -> str | None:
    """The status that the operator gave a run, or None when the store has no such run."""
    row = connection.execute("SELECT status FROM headrace.runs WHERE run_id = %s", (run_id,)).fetchone()
    return str(row[0]) if row else None


_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_COUNTS = ("rows_read", "rows_written", "batches", "bad_rows", "bytes_read")


def last_report(connection: Connection[Any], run_id: str) -> tuple[Reporter, Progress] | None:
    """Who reported last on a run, and how far it was; None when the store has no such run."""
    query = """
        SELECT reporter_epoch, reporter_holder, rows_read, rows_written, batches, bad_rows, bytes_read, stages,
            extract(epoch FROM now() - caught_up_at)::float8
        FROM headrace.runs WHERE run_id = %s
    """
    row = connection.execute(query, (run_id,)).fetchone()
    if row is None:
        return None
    epoch, holder, *counts, stages, age = row
    known = dict(zip(_COUNTS, counts, strict=True))
    progress = Progress(sequence=0, **known, stages=stages or None, caught_up_age=age)
    return Reporter(run_id=run_id, epoch=epoch, holder=holder), progress


_REPORT: LiteralString = """
    UPDATE headrace.runs SET
        reporter_epoch = %(epoch)s, reporter_holder = %(holder)s, sequence = %(sequence)s,
        rows_read = %(rows_read)s, rows_written = %(rows_written)s, bad_rows = %(bad_rows)s,
        batches = %(batches)s, bytes_read = %(bytes_read)s, outcome = %(outcome)s, outcome_message = %(message)s,
        result = coalesce(%(result)s::jsonb, result),
        notes = coalesce(notes || %(notes)s::jsonb, %(notes)s::jsonb, notes),
        stages = coalesce(%(stages)s::jsonb, stages),
        caught_up_at = coalesce(now() - make_interval(secs => %(caught_up_age)s), caught_up_at),
        first_seen_at = coalesce(first_seen_at, now()), seen_at = now(),
        advanced_at = CASE WHEN %(advanced)s OR advanced_at IS NULL THEN now() ELSE advanced_at END
    WHERE run_id = %(run_id)s
      AND (reporter_epoch, reporter_holder, sequence) < (%(epoch)s, %(holder)s, %(sequence)s)
      AND (outcome IS DISTINCT FROM 'DONE' OR %(outcome)s = 'DONE')
"""

_MIRROR: LiteralString = """
    INSERT INTO headrace.checkpoints AS c
        (installation, namespace, pipeline_name, pipeline_uid, run_id, epoch, holder, sequence, last_key, last_value,
         done, updated_at)
    VALUES (%(installation)s, %(namespace)s, %(pipeline_name)s, %(pipeline_uid)s, %(run_id)s, %(epoch)s, %(holder)s,
            %(sequence)s, %(last_key)s::jsonb, %(last_value)s, %(done)s, now())
    ON CONFLICT (installation, namespace, pipeline_name) DO UPDATE SET
        pipeline_uid = excluded.pipeline_uid, run_id = excluded.run_id, epoch = excluded.epoch,
        holder = excluded.holder, sequence = excluded.sequence, last_key = excluded.last_key,
        last_value = excluded.last_value, done = excluded.done, updated_at = now()
    WHERE (c.epoch, c.holder, c.sequence) < (excluded.epoch, excluded.holder, excluded.sequence)
"""


def report(connection: Connection[Any], spec: RunSpec, reporter: Reporter, progress: Progress) -> None:
    """Writes progress and, when there is one, the mirror of the checkpoint; late messages change nothing.

    Raises psycopg.OperationalError when the store is away: the caller keeps the latest progress and tries again.
    """
    values = {
        "run_id": reporter.run_id,
        "epoch": reporter.epoch,
        "holder": reporter.holder,
        "sequence": progress.sequence,
        "rows_read": progress.rows_read,
        "rows_written": progress.rows_written,
        "bad_rows": progress.bad_rows,
        "batches": progress.batches,
        "bytes_read": progress.bytes_read,
        "outcome": progress.outcome,
        "message": storable(progress.message),
        "advanced": progress.advanced,
        "result": storable_json(progress.result),
        "notes": storable_json(progress.notes),
        "stages": storable_json(progress.stages),
        "caught_up_age": progress.caught_up_age,
    }
    with connection.transaction():
        connection.execute(_REPORT, values)
        if progress.last_key is None and progress.last_value is None:
            return
        mirror = {
            "installation": spec.installation,
            "namespace": spec.namespace,
            "pipeline_name": spec.pipeline_name,
            "pipeline_uid": spec.pipeline_uid,
            "last_key": storable_json(progress.last_key),
            "last_value": progress.last_value,
            "done": progress.outcome == DONE,
        }
        connection.execute(_MIRROR, {**values, **mirror})


def write_logs(connection: Connection[Any], run_id: str, lines: list[LogLine]) -> None:
    """Appends log lines, in one round trip."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO headrace.run_logs (run_id, at, level, message) VALUES (%s, %s, %s, %s)",
            [(run_id, line.at, line.level, storable(line.message)) for line in lines],
        )


def storable(text: str | None) -> str | None:
    """Returns the text without what Postgres can't store (NUL, half a surrogate pair): no report fails for it."""
    return None if text is None else text.replace("\0", _REPLACEMENT).encode(errors="replace").decode()


def storable_json(value: object) -> str | None:
    """Returns a value as JSON, without what Postgres can't store in its texts; None for None."""
    return None if value is None else json.dumps(_storable_value(value), ensure_ascii=False)


def _storable_value(value: Any) -> Any:
    match value:
        case str():
            return storable(value)
        case dict():
            return {storable(str(name)): _storable_value(item) for name, item in value.items()}
        case list() | tuple():
            return [_storable_value(item) for item in value]
        case _:
            return value
