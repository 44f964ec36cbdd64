"""How far all active runs are: one query a second, whatever their number."""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.rows import dict_row

from headrace.store.ids import as_uuids
from headrace.store.records import RunProgress, Snapshot

# LEFT JOIN from one row: the clock comes back even when no run is known.
_OBSERVE = """
    SELECT now() AS now, r.run_id::text, r.outcome, r.outcome_message, r.rows_read, r.rows_written, r.bad_rows,
        r.batches, r.bytes_read, r.result, r.notes, r.reporter_epoch, r.reporter_holder, r.sequence,
        r.first_seen_at, r.seen_at, r.advanced_at, r.stages, r.caught_up_at, c.last_key, c.last_value,
        -- Only at the end of a run: there may be many.
        CASE WHEN r.outcome IS NOT NULL THEN (
            SELECT count(*) FROM headrace.dead_letters d WHERE d.pipeline_uid = r.pipeline_uid
        ) END AS dead_letters
    FROM (SELECT) AS one
    LEFT JOIN headrace.runs r ON r.run_id = ANY(%s)
    LEFT JOIN headrace.checkpoints c
        ON (c.installation, c.namespace, c.pipeline_name) = (r.installation, r.namespace, r.pipeline_name)
       AND c.run_id = r.run_id
"""


async def observe(connection: psycopg.AsyncConnection[tuple[Any, ...]], run_ids: Sequence[str]) -> Snapshot:
    """Returns what the runners of these runs last said; unknown runs are missing."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(_OBSERVE, (as_uuids(run_ids),))).fetchall()
    now = rows[0]["now"]
    found = (_without_now(row) for row in rows if row["run_id"] is not None)
    return Snapshot(now=now, progress={row["run_id"]: RunProgress(**row) for row in found})


def _without_now(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "now"}
