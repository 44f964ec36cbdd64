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
CHANGES = (
    "DELETE FROM rows WHERE n % 7 = 0",
    "UPDATE rows SET v = 'changed', at = at + interval '1 year' WHERE n % 11 = 0",
    f"""INSERT INTO rows SELECT md5('new' || n)::uuid, 'new', n, timestamptz '2028-01-01' + n / 5 * interval '1 minute'
        FROM generate_series(1, {ROWS // 3}) AS n""",
)
# An incremental run sees no deletion.
ARRIVALS = CHANGES[1:]
TARGET = "CREATE SCHEMA analytics; CREATE TABLE analytics.copy (id uuid {key}, v text, n int, at timestamptz)"
WITH_KEY = TARGET.format(key="PRIMARY KEY")
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
    changes: tuple[str, ...] = ()
    """To the source, after a first run; without them it is the first run that is killed."""
    fields: dict[str, Any] = field(default_factory=dict)

    def prepare(self, rig: Any) -> None:
        """Fills the source, makes the target, and does the first run if another is to follow."""
        rig.on_source(*SOURCE)
        for statement in self.target:
            rig.on_target(statement)
        if self.changes:
            rig.load(QUERY, **self.fields)
            rig.on_source(*self.changes)

    def spec(self, rig: Any, **more: Any) -> Any:
        """The run that is to be killed."""
        return rig.spec(QUERY, **{"batch_size": BATCH, "max_rows_per_second": RATE, **self.fields, **more})


MODES = {
    "full, into a new table": Mode((*STARTING, *moments.COPY, *COMMITTING)),
    "full, into an empty table with a trigger": Mode((*moments.COPY, *COMMITTING), (WITH_KEY, AUDIT)),
    "full, into rows that are there": Mode(
        (*STARTING, *moments.COPY, *moments.UPSERT, *moments.PRUNE, *COMMITTING), changes=CHANGES
    ),
    "full, into rows that are there, with a trigger": Mode(
        (*moments.COPY, *moments.UPSERT, *moments.PRUNE, *COMMITTING), (WITH_KEY, AUDIT), CHANGES
    ),
    "incremental": Mode((*STARTING, *moments.COPY, *COMMITTING), fields=INCREMENTAL),
    "incremental, once more": Mode((*moments.COPY, *moments.UPSERT, *COMMITTING), changes=ARRIVALS, fields=INCREMENTAL),
    "without a key": Mode(
        (*STARTING, *moments.COPY, *moments.PRUNE, *moments.SWAP, *moments.SAVE, moments.COMMIT[0]),
        (WITHOUT_KEY,),
        CHANGES,
    ),
}
