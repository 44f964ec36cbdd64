"""Streams: runs that go on until they are stopped. What counts as getting somewhere, and how far behind one is."""

from datetime import datetime, timedelta

from headrace.lifecycle.observed import ProgressSeen
from headrace.model.times import from_text

LAGGING_AFTER = timedelta(seconds=60)
"""A stream that has not caught up for so long is behind its source."""


def has_caught_up_since(seen: datetime | None, noted: str | None) -> bool:
    """Whether a stream has caught up after what was noted: an idle one commits no batches, and is well all the same."""
    before = from_text(noted)
    return seen is not None and (before is None or seen > before)


def lag(now: datetime, seen: ProgressSeen) -> timedelta | None:
    """How far a stream is behind its source, by the store's clock; None when its runner has not said a word."""
    since = seen.caught_up_at or seen.first_seen_at
    return None if since is None else max(timedelta(), now - since)


def is_in_step(now: datetime, seen: ProgressSeen) -> bool | None:
    """Whether a stream is in step with its source; None before it has caught up for the first time, for a while."""
    behind = lag(now, seen)
    if behind is None:
        return None
    if behind > LAGGING_AFTER:
        return False
    return True if seen.caught_up_at else None
