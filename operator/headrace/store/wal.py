"""The WAL of each source and slot, as it was measured from minute to minute."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString

import psycopg
from psycopg.rows import class_row

from headrace.store.ids import as_uuid
from headrace.store.listings import Scope
from headrace.store.runs import Connection

PURGE_BATCH = 10_000
"""Measurements a statement: 20 to 50 ms."""
_LOOK_BACK = timedelta(hours=1)
"""A slot that was last measured longer before the others is no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WalMeasurement:
    """What one slot of a source held back at one moment."""

    source_uid: str
    source_name: str
    """metadata.name of the EtlSource."""
    slot: str | None
    """None: the source itself, what all its slots together hold back."""
    wal_bytes: int
    restart_lsn: str | None = None
    confirmed_flush_lsn: str | None = None
    wal_status: str | None = None
    safe_wal_size: int | None = None
    """So many bytes may be written until the slot is in danger; None where nothing bounds it."""
    active: bool | None = None
    growth_per_minute: float | None = None
    """Bytes."""
    seconds_left: float | None = None
    measured_at: datetime


_FIELDS = tuple(field.name for field in dataclasses.fields(WalMeasurement))
_COLUMNS: LiteralString = """
    source_uid::text, source_name, slot, wal_bytes, restart_lsn::text, confirmed_flush_lsn::text, wal_status,
    safe_wal_size, active, growth_per_minute, seconds_left, measured_at
"""
_SCOPE: LiteralString = "installation = %(installation)s AND namespace = %(namespace)s"
# Whose source it is is asked once. A condition on each row might have the index by time read, and that of a source that
# was removed long ago to its end.
_OF_SOURCE: LiteralString = f"""
    source_uid = %(source_uid)s
    AND EXISTS (SELECT FROM headrace.wal_counts WHERE {_SCOPE} AND source_uid = %(source_uid)s)
"""
_ORDER: LiteralString = "measured_at DESC, wal_history.source_uid, coalesce(slot, '')"
_HOUR: LiteralString = "date_trunc('hour', measured_at, 'UTC')"

_SAVE: LiteralString = f"""
    WITH saved AS (
        INSERT INTO headrace.wal_history
            (installation, namespace, source_uid, source_name, slot, wal_bytes, restart_lsn, confirmed_flush_lsn,
             wal_status, safe_wal_size, active, growth_per_minute, seconds_left, measured_at)
        SELECT %(installation)s, %(namespace)s, measured.* FROM unnest(
            %(source_uid)s::uuid[], %(source_name)s::text[], %(slot)s::text[], %(wal_bytes)s::bigint[],
            %(restart_lsn)s::pg_lsn[], %(confirmed_flush_lsn)s::pg_lsn[], %(wal_status)s::text[],
            %(safe_wal_size)s::bigint[], %(active)s::boolean[], %(growth_per_minute)s::double precision[],
            %(seconds_left)s::double precision[], %(measured_at)s::timestamptz[]
        ) AS measured
        ON CONFLICT (source_uid, measured_at, coalesce(slot, '')) DO NOTHING RETURNING source_uid, measured_at
    )
    INSERT INTO headrace.wal_counts AS c (installation, namespace, source_uid, hour, measurements)
    SELECT %(installation)s, %(namespace)s, source_uid, {_HOUR}, count(*) FROM saved GROUP BY 3, 4 ORDER BY 3, 4
    ON CONFLICT (installation, namespace, source_uid, hour) DO UPDATE SET
        measurements = c.measurements + excluded.measurements
"""

_PURGE: LiteralString = f"""
    WITH gone AS (
        DELETE FROM headrace.wal_history WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM headrace.wal_history WHERE {_SCOPE} AND measured_at < %(before)s
            ORDER BY measured_at LIMIT %(limit)s
        )) RETURNING source_uid, measured_at
    ), counted AS (
        UPDATE headrace.wal_counts AS c SET measurements = c.measurements - per_hour.gone
        FROM (SELECT source_uid, {_HOUR} AS hour, count(*) AS gone FROM gone GROUP BY 1, 2) AS per_hour
        WHERE {_SCOPE} AND (c.source_uid, c.hour) = (per_hour.source_uid, per_hour.hour)
    )
    SELECT count(*) FROM gone
"""
_DROP_EMPTY: LiteralString = f"DELETE FROM headrace.wal_counts WHERE {_SCOPE} AND measurements <= 0"

# The hours that count as a whole, and what is left of the one in which `since` lies.
_COUNT_ALL: LiteralString = f"SELECT coalesce(sum(measurements), 0) FROM headrace.wal_counts WHERE {_SCOPE}"
_NEXT_HOUR: LiteralString = "date_trunc('hour', %(since)s::timestamptz, 'UTC') + interval '1 hour'"


async def save_wal(connection: Connection, scope: Scope, measurements: Sequence[WalMeasurement]) -> None:
    """Adds measurements, in one statement; one that is there already (source, slot, time) stays as it is."""
    columns = {name: [getattr(each, name) for each in measurements] for name in _FIELDS}
    await connection.execute(_SAVE, {**_values(scope), **columns})


async def list_wal(
    connection: Connection, scope: Scope, *, source_uid: str | None, since: datetime | None, limit: int, offset: int
) -> list[WalMeasurement]:
    """Returns a page of measurements, newest first; of one moment a source comes before its slots."""
    query = f"""
        SELECT {_COLUMNS} FROM headrace.wal_history WHERE {_where(source_uid, since)}
        ORDER BY {_ORDER} LIMIT %(limit)s OFFSET %(offset)s
    """
    values = {**_values(scope, source_uid), "since": since, "limit": limit, "offset": offset}
    return await _measurements(connection, query, values)


async def count_wal(connection: Connection, scope: Scope, *, source_uid: str | None, since: datetime | None) -> int:
    """Returns how many `list_wal` would give without a limit; whole hours are not counted one by one."""
    of: LiteralString = "" if source_uid is None else " AND source_uid = %(source_uid)s"
    query: LiteralString = f"{_COUNT_ALL}{of}"
    if since is not None:
        rest = f"""
            SELECT count(*) FROM headrace.wal_history
            WHERE {_where(source_uid, since)} AND measured_at < {_NEXT_HOUR}
        """
        query = f"SELECT ({query} AND hour >= {_NEXT_HOUR}) + ({rest})"
    row = await (await connection.execute(query, {**_values(scope, source_uid), "since": since})).fetchone()
    if row is None:
        raise psycopg.InternalError
    return int(row[0])


async def last_wal(connection: Connection, scope: Scope, source_uid: str) -> list[WalMeasurement]:
    """Returns the latest measurement of each slot of a source, and of the source itself."""
    query = f"""
        SELECT DISTINCT ON (coalesce(slot, '')) {_COLUMNS} FROM headrace.wal_history
        WHERE {_where(source_uid, None)} AND measured_at > (
            SELECT max(measured_at) - %(look_back)s FROM headrace.wal_history WHERE source_uid = %(source_uid)s
        ) ORDER BY coalesce(slot, ''), measured_at DESC
    """
    return await _measurements(connection, query, {**_values(scope, source_uid), "look_back": _LOOK_BACK})


async def purge_batch(connection: Connection, scope: Scope, before: datetime) -> int:
    """Removes up to PURGE_BATCH of the measurements of an installation's namespace; returns how many."""
    values = {**_values(scope), "before": before, "limit": PURGE_BATCH}
    row = await (await connection.execute(_PURGE, values)).fetchone()
    return int(row[0]) if row else 0


async def drop_empty(connection: Connection, scope: Scope) -> None:
    """Removes counters of hours of which nothing is left."""
    await connection.execute(_DROP_EMPTY, _values(scope))


def _where(source_uid: str | None, since: datetime | None) -> LiteralString:
    """Without what is not asked for: a parameter that may be null would hide an index."""
    where = _SCOPE if source_uid is None else _OF_SOURCE
    return where + ("" if since is None else " AND measured_at >= %(since)s")


def _values(scope: Scope, source_uid: str | None = None) -> dict[str, Any]:
    installation, namespace = scope
    uid = None if source_uid is None else as_uuid(source_uid)
    return {"installation": installation, "namespace": namespace, "source_uid": uid}


async def _measurements(connection: Connection, query: LiteralString, values: dict[str, Any]) -> list[WalMeasurement]:
    async with connection.cursor(row_factory=class_row(WalMeasurement)) as cursor:
        return await (await cursor.execute(query, values)).fetchall()
