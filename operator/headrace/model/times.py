"""Times in resources: RFC 3339 in UTC."""

from datetime import UTC, datetime


def to_text(moment: datetime) -> str:
    """The moment as it is written into a resource: always with microseconds, so that texts sort as the times do."""
    return _text(moment, "microseconds")


def due_text(moment: datetime) -> str:
    """A due time as it is written into a resource: it has no fraction of a second."""
    return _text(moment, "seconds")


def from_text(text: str | None) -> datetime | None:
    """The moment that a resource's text means; None for what is no time with a zone (people write annotations)."""
    try:
        moment = datetime.fromisoformat(text or "")
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _text(moment: datetime, timespec: str) -> str:
    # Not strftime: it writes the year 4 as `4`.
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=timespec) + "Z"
