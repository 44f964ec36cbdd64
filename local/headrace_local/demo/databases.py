"""What the demo shows of databases: sources and destinations, the tables of one, and a slot that holds back its WAL."""

from typing import Any

import psycopg

from headrace_local.demo.story import Step, Story
from headrace_local.waiting import wait_for

SLOT = "left_behind"
_MAKE_SLOT = "SELECT pg_create_physical_replication_slot(%s, true)"
# WAL of no table: the films stay as they are for what comes after.
_WRITE = "SELECT count(pg_logical_emit_message(false, 'demo', repeat('x', 8000))) FROM generate_series(1, 2000)"
_DROP_SLOT = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s"


def show_databases(story: Story) -> None:
    """Lists sources and destinations, the tables of the default source, and what a slot of it holds back."""
    story.say(story.kubectl.run("get", "etlsources,etldestinations").replace("\n", "\n   "))
    source = next(one for one in story.api.call("GET", "/sources") if one["name"] == "default")
    for table in story.api.call("GET", f"/sources/{source['id']}/tables?schema=content"):
        story.say(_line(table))
    _show_wal(story, source["id"])


DATABASE_STEPS: tuple[Step, ...] = (
    ("The databases: sources and destinations, tables, and the WAL that a slot holds back", show_databases),
)


def _line(table: dict[str, Any]) -> str:
    key, followed = ", ".join(table["key_columns"]) or "none", ", ".join(table["incremental_columns"]) or "nothing"
    rows = "?" if table["estimated_rows"] is None else f"{table['estimated_rows']:,}"
    name = f"{table['schema']}.{table['name']}"
    return f"{name:<26}{len(table['columns'])} columns {rows:>8} rows   key: {key}   could be followed by: {followed}"


def _show_wal(story: Story, source_id: str) -> None:
    story.say(f"a slot that nobody reads from is made in the source: {SLOT}")
    _execute(story, _MAKE_SLOT, SLOT)
    try:
        _execute(story, _WRITE)
        held = wait_for("the slot to be measured", lambda: _held(story, source_id), seconds=60, every=0.5)
        story.say(f"$ {story.api.curl('GET', f'/metrics/wal?source_id={source_id}&limit=10')}")
        story.say(f"{held['measured_at']}  slot {held['slot']} holds back {held['wal_bytes']:,} bytes of WAL")
    finally:
        _execute(story, _DROP_SLOT, SLOT)
    story.say("the slot is dropped")


def _held(story: Story, source_id: str) -> dict[str, Any] | None:
    """The slot's latest measurement, once it holds something back."""
    found = story.api.call("GET", f"/metrics/wal?source_id={source_id}&limit=10", quiet=True)
    return next((row for row in found if row["slot"] == SLOT and row["wal_bytes"]), None)


def _execute(story: Story, statement: str, *values: str) -> None:
    with psycopg.connect(story.source_dsn, autocommit=True) as connection:
        connection.execute(statement.encode(), values)
