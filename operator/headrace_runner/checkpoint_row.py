"""What both kinds of checkpoints have in common: the columns of their rows that say how far a run is."""

from collections.abc import Mapping
from typing import Any

from headrace_runner.identity import Identity
from headrace_runner.protocols import Checkpoint, Counters, Position


def checkpoint_of(row: Mapping[str, Any], *, target_id: Any) -> Checkpoint:
    """What a row says to its next holder; a table's has no `bad_rows`, and one that is new no target."""
    return Checkpoint(
        holder=int(row["holder"]) + 1,
        run_id=row["run_id"],
        identity=None if row["run_id"] is None else Identity.of_row(row, target_id),
        position=Position(
            key=None if row["last_key"] is None else tuple(row["last_key"]),
            value=row["last_value"],
            look_back=row["look_back"],
        ),
        counters=Counters(
            rows_read=row["rows_read"],
            rows_written=row["rows_written"],
            batches=row["batches"],
            bad_rows=row.get("bad_rows", 0),
        ),
        done=row["done"],
    )


def position_values(position: Position) -> dict[str, Any]:
    """A row's columns."""
    key = None if position.key is None else list(position.key)
    return {"last_key": key, "last_value": position.value, "look_back": position.look_back}


def counter_values(counters: Counters) -> dict[str, int]:
    """A row's columns."""
    return {
        "rows_read": counters.rows_read,
        "rows_written": counters.rows_written,
        "batches": counters.batches,
        "bad_rows": counters.bad_rows,
    }
