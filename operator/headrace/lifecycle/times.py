"""Times in resources: RFC 3339 in UTC, always with microseconds, so that their texts sort as the times do."""

from datetime import UTC, datetime


def to_text(moment: datetime) -> str:
    """The moment as it is written into a resource."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_text(text: str | None) -> datetime | None:
    """The moment that a resource's text means; None for what is no time with a zone (people write annotations)."""
    try:
        moment = datetime.fromisoformat(text or "")
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
