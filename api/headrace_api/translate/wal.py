"""The store's measurements of the WAL, and those that callers see."""

from typing import Any

from headrace.store.wal import WalMeasurement
from headrace_api import times


def show_measurement(measured: WalMeasurement) -> dict[str, Any]:
    """The measurement as callers see it."""
    return {
        "source_id": measured.source_uid,
        "slot": measured.slot,
        "wal_bytes": measured.wal_bytes,
        "restart_lsn": measured.restart_lsn,
        "confirmed_flush_lsn": measured.confirmed_flush_lsn,
        "wal_status": measured.wal_status,
        "safe_wal_size": measured.safe_wal_size,
        "active": measured.active,
        "growth_per_minute": measured.growth_per_minute,
        "seconds_left": measured.seconds_left,
        "measured_at": times.show(measured.measured_at),
    }
