"""The ways a run may go, and the moments that each of them must have."""

from dataclasses import dataclass, field
from typing import Any

from tests.integration.runner.fire import moments
from tests.integration.runner.fire.moments import Moment

QUERY = "SELECT id, v, n, at FROM rows"
TABLE = "analytics.copy"
ROWS = 3_000
BATCH = 200
RATE = 10_000
"""Rows a second: slow enough that one run commits many times, however many batches a commit may carry."""

SOURCE = (
    "CREATE TABLE rows (id uuid PRIMARY KEY, v text, n int, at timestamptz)",
    f"""INSERT INTO rows SELECT md5(n::text)::uuid, repeat(md5(n::text), 3), n,
            timestamptz '2026-01-01' + n / 7 * interval '1 minute' FROM generate_series(1, {ROWS}) AS n""",
)
DELETIONS = "DELETE FROM rows WHERE random() < 0.15"
# An incremental run sees no deletion.
ARRIVALS = (
    "UPDATE rows SET v = 'changed ' || random(), at = now() WHERE random() < 0.1",
    f"""INSERT INTO rows SELECT gen_random_uuid(), 'new', n + (SELECT max(n) FROM rows),
            now() + n / 5 * interval '1 microsecond' FROM generate_series(1, {ROWS // 3}) AS n""",
)
TARGET = "CREATE SCHEMA analytics; CREATE TABLE analytics.copy (id uuid {key}, v text, n int, at timestamptz)"
WITH_KEY = TARGET.format(key="PRIMARY KEY")
NUMERIC_KEY = "CREATE SCHEMA analytics; CREATE TABLE analytics.copy (n numeric PRIMARY KEY, v text, at timestamptz)"
OTHER_ORDER = """
    CREATE COLLATION other (locale = 'C.UTF-8'); CREATE SCHEMA analytics;
    CREATE TABLE analytics.copy (id text COLLATE other PRIMARY KEY, v text, n int, at timestamptz)
"""
# Without a key a row can only be told in the log by all of its columns.
WITHOUT_KEY = TARGET.format(key="") + "; ALTER TABLE analytics.copy REPLICA IDENTITY FULL"
AUDIT = """
    CREATE TABLE audit (at timestamptz DEFAULT clock_timestamp());
    CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN INSERT INTO public.audit DEFAULT VALUES; RETURN NULL; END $$;
    CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON analytics.copy FOR EACH ROW EXECUTE FUNCTION audit()
"""
INCREMENTAL = {"mode": "incremental", "incremental_key": "at", "lookback_seconds": 0.0}
STARTING = (*moments.FENCE, *moments.BEGIN)
COMMITTING = (*moments.SAVE, *moments.COMMIT, *moments.SECOND_COMMIT, *moments.REPORT)


@dataclass(frozen=True, slots=True)
class Mode:
    """A kind of run, on a target that is made ready for it."""

    moments: tuple[Moment, ...]
    target: tuple[str, ...] = ()
    follows: bool = False
    """Another run went before, and the source changed since."""
    fields: dict[str, Any] = field(default_factory=dict)
    query: str = QUERY
    key: str = "id"
    has_key: bool = True
    changes: tuple[str, ...] = (DELETIONS, *ARRIVALS)
    is_logged: bool = True
    """The target's log is read: not where a run does otherwise when nobody reads it."""

    def prepare(self, rig: Any) -> None:
        """Fills the source, makes the target, and does the first run if another is to follow."""
        rig.on_source(*SOURCE)
        for statement in self.target:
            rig.on_target(statement)
        if self.follows:
            rig.load(self.query, **self.fields)
            self.change(rig)

    def change(self, rig: Any) -> None:
        """Something new for the next run."""
        rig.on_source(*self.changes)

    def spec(self, rig: Any, **more: Any) -> Any:
        """The run that is to be killed."""
        return rig.spec(self.query, **{"batch_size": BATCH, "max_rows_per_second": RATE, **self.fields, **more})

    def rows_to_read(self, rig: Any) -> int:
        """How many rows a run that starts now is to read, each once."""
        since = None
        if self.fields and rig.on_target(f"SELECT to_regclass('{TABLE}')") != [(None,)]:
            ((since,),) = rig.on_target(f"SELECT max(at) FROM {TABLE}")
        ((rows,),) = rig.on_source(f"SELECT count(*) FROM rows WHERE at > '{since or '-infinity'}'")
        return int(rows)


MODES = {
    "full, into a new table": Mode((*STARTING, *moments.COPY, *COMMITTING)),
    "full, into an empty table with a trigger": Mode((*moments.COPY, *COMMITTING), (WITH_KEY, AUDIT)),
    "full, into rows that are there": Mode(
        (*STARTING, *moments.COMPARE, *moments.COPY, *moments.PRUNE, *moments.UPSERT, *COMMITTING), follows=True
    ),
    "full, into rows that are there, with a trigger": Mode(
        (*moments.COMPARE, *moments.COPY, *moments.PRUNE, *moments.UPSERT, *COMMITTING), (WITH_KEY, AUDIT), follows=True
    ),
    "full, into rows that all changed": Mode(
        (*moments.COMPARE, *moments.PRUNE, *moments.COPY, *COMMITTING),
        follows=True,
        changes=(DELETIONS, "UPDATE rows SET v = 'changed ' || random()", *ARRIVALS[1:]),
        is_logged=False,
    ),
    "full, with a key that is not compared by its bytes": Mode(
        (*moments.COPY, *moments.PRUNE, *moments.UPSERT, *COMMITTING),
        (NUMERIC_KEY,),
        follows=True,
        query="SELECT n::numeric AS n, v, at FROM rows",
        key="n",
    ),
    "full, with a key in another order": Mode(
        (*moments.COPY, *moments.UPSERT, *COMMITTING, *moments.SECOND_READ, *moments.PRUNE),
        (OTHER_ORDER,),
        follows=True,
        query="SELECT id::text AS id, v, n, at FROM rows",
    ),
    "incremental": Mode((*STARTING, *moments.COPY, *COMMITTING), fields=INCREMENTAL, changes=ARRIVALS),
    "incremental, once more": Mode(
        (*moments.COPY, *moments.UPSERT, *COMMITTING), follows=True, fields=INCREMENTAL, changes=ARRIVALS
    ),
    "without a key": Mode(
        (*STARTING, *moments.COPY, *moments.PRUNE, *moments.SWAP, *moments.SAVE, moments.COMMIT[0]),
        (WITHOUT_KEY,),
        follows=True,
        has_key=False,
    ),
}
