"""Fencing epochs: each greater than all that were drawn for its key before, also before this store existed."""

from typing import Any

import psycopg

# A new store knows no last epoch: the clock carries on from where the old one was.
_DRAW = """
    INSERT INTO headrace.epochs AS e (installation, namespace, pipeline_name, epoch)
    VALUES (%s, %s, %s, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint)
    ON CONFLICT (installation, namespace, pipeline_name) DO UPDATE SET epoch = greatest(e.epoch + 1, excluded.epoch)
    RETURNING epoch
"""


async def draw_epoch(
    connection: psycopg.AsyncConnection[tuple[Any, ...]], installation: str, namespace: str, pipeline_name: str
) -> int:
    """Returns greatest(last epoch of this key + 1, Unix milliseconds). One that is drawn and not used is no harm."""
    row = await (await connection.execute(_DRAW, (installation, namespace, pipeline_name))).fetchone()
    if row is None:
        raise psycopg.InternalError
    return int(row[0])
