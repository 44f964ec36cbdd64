"""The mirror of a pipeline's checkpoint; the checkpoint itself lies in the target's database, or in `target_fences`."""

from typing import Any

import psycopg
from psycopg.rows import class_row

from headrace.store.ids import as_uuid
from headrace.store.records import Checkpoint

_GET = """
    SELECT pipeline_uid::text, run_id::text, last_key, last_value, done, updated_at FROM headrace.checkpoints
    WHERE (installation, namespace, pipeline_name) = (%s, %s, %s) AND pipeline_uid = %s
"""


async def get_checkpoint(
    connection: psycopg.AsyncConnection[tuple[Any, ...]],
    installation: str,
    namespace: str,
    pipeline_name: str,
    *,
    pipeline_uid: str,
) -> Checkpoint | None:
    """Returns the checkpoint, or None until a run of this very pipeline has committed: a namesake's is not shown."""
    values = (installation, namespace, pipeline_name, as_uuid(pipeline_uid))
    async with connection.cursor(row_factory=class_row(Checkpoint)) as cursor:
        return await (await cursor.execute(_GET, values)).fetchone()
