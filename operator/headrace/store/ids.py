"""Ids of callers: opaque text outside, UUIDs in the store."""

from collections.abc import Iterable
from uuid import UUID


def as_uuid(text: str) -> UUID | None:
    """Returns the id as a UUID, or None: then nothing in the store has it."""
    try:
        return UUID(text)
    except ValueError:
        return None


def as_uuids(texts: Iterable[str]) -> list[UUID]:
    """Returns those that are UUIDs: nothing in the store has the others."""
    return [uuid for uuid in map(as_uuid, texts) if uuid is not None]
