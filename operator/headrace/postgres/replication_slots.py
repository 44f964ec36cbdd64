"""Replication slots, and the WAL that a server keeps for them; from PostgreSQL 10 on, of a primary or a standby."""

from dataclasses import dataclass
from typing import Any

import psycopg

_WITH_STATUS = 130_000
"""From PostgreSQL 13 on a slot tells how safe it is."""
# A standby has its own slots, and keeps WAL for them behind what it has replayed.
_SLOTS = """
    SELECT slot_name::text, restart_lsn::text, confirmed_flush_lsn::text,
           coalesce(greatest(pg_catalog.pg_wal_lsn_diff(here.lsn, restart_lsn), 0), 0)::bigint,
           {wal_status}, {safe_wal_size}, active
    FROM pg_catalog.pg_replication_slots, (
        SELECT CASE WHEN pg_catalog.pg_is_in_recovery()
            THEN coalesce(pg_catalog.pg_last_wal_replay_lsn(), pg_catalog.pg_last_wal_receive_lsn())
            ELSE pg_catalog.pg_current_wal_lsn() END AS lsn
    ) AS here
    ORDER BY 4 DESC, 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A replication slot as the server shows it."""

    name: str
    restart_lsn: str | None = None
    confirmed_flush_lsn: str | None = None
    wal_bytes: int = 0
    """WAL that is kept for it, as far as the server knows."""
    wal_status: str | None = None
    """None before PostgreSQL 13, and of a slot that keeps nothing."""
    safe_wal_size: int | None = None
    """Bytes until it may be lost; None where nothing bounds it."""
    active: bool = False


async def read_slots(connection: psycopg.AsyncConnection[tuple[Any, ...]]) -> tuple[Slot, ...]:
    """All slots of the server, whatever database they are of, those that hold back most first."""
    has_status = connection.info.server_version >= _WITH_STATUS
    query = _SLOTS.format(
        wal_status="wal_status" if has_status else "NULL::text",
        safe_wal_size="safe_wal_size" if has_status else "NULL::bigint",
    )
    cursor = await connection.execute(query.encode())
    return tuple(
        Slot(
            name=name,
            restart_lsn=restart,
            confirmed_flush_lsn=flushed,
            wal_bytes=size,
            wal_status=status,
            safe_wal_size=safe,
            active=active,
        )
        for name, restart, flushed, size, status, safe, active in await cursor.fetchall()
    )
