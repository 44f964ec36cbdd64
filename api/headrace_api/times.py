"""Times as the API shows them: RFC 3339, UTC, with `Z`."""

from datetime import UTC, datetime

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> str:
    """The present, with microseconds."""
    return show(datetime.now(UTC))


def show(moment: datetime) -> str:
    """A moment as text; the fraction is left out when it is zero."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse(text: object) -> datetime | None:
    """The moment that a resource's text means; None for what is no time with a zone (people write annotations)."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def show_text(text: object) -> str | None:
    """A resource's time as the API shows it; None for what is none."""
    moment = parse(text)
    return show(moment) if moment else None


def latest(*texts: object) -> datetime | None:
    """The latest of those that are times."""
    return max((moment for moment in map(parse, texts) if moment), default=None)


def sortable(moment: datetime) -> str:
    """A text that sorts as the moments do."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
