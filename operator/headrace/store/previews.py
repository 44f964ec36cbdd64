"""Previews: runs of no pipeline, which no list shows and nothing counts; what they found is kept for an hour."""

from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from headrace.store.ids import as_uuid
from headrace.store.listings import Scope
from headrace.store.visits import Visits

KEPT = timedelta(hours=1)
"""Whoever asked has read it by then; what it shows of a source is old."""

_RESULT = "SELECT result FROM headrace.runs WHERE run_id = %s AND kind = 'Preview'"
# Of a source's tables: a preview without a query.
_LATEST_TABLES = """
    SELECT result FROM headrace.runs
    WHERE (installation, namespace) = (%s, %s) AND kind = 'Preview' AND created_at >= %s AND outcome = 'DONE'
      AND spec @> %s
    ORDER BY created_at DESC, run_id DESC LIMIT 1
"""


class Previews(Visits):
    """What previews found."""

    async def preview_result(self, run_id: str) -> dict[str, Any] | None:
        """Returns what a preview found; None while it has found nothing, or when there is no such preview any more."""
        return await self._one(_RESULT, (as_uuid(run_id),))

    async def latest_tables(self, scope: Scope, source_name: str, since: datetime) -> dict[str, Any] | None:
        """Returns the tables of a source as the latest preview found them that was asked for at `since` or later.

        `source_name`: metadata.name of the EtlSource. Who has changed a source asks for what came after the change.
        """
        wanted = Jsonb({"source": source_name, "query": ""})
        return await self._one(_LATEST_TABLES, (*scope, since, wanted))

    async def _one(self, query: Any, values: tuple[Any, ...]) -> dict[str, Any] | None:
        async with self._connection() as connection:
            row = await (await connection.execute(query, values)).fetchone()
        return dict(row[0]) if row and row[0] is not None else None
