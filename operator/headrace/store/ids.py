"""Ids of callers: opaque text outside, UUIDs in the store."""

from uuid import UUID


def as_uuid(text: str) -> UUID | None:
    """Returns the id as a UUID, or None: then nothing in the store has it."""
    try:
        return UUID(text)
    except ValueError:
        return None
