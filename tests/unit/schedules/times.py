"""Short ways to write schedules and times in tests."""

from datetime import UTC, datetime

from headrace.schedules.due import Schedule


def utc(text: str) -> datetime:
    """A moment from `2026-03-29 01:00` or `2026-03-29`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def cron(expression: str, zone: str = "UTC") -> Schedule:
    """A CRON schedule."""
    return Schedule("CRON", expression, zone, utc("2026-01-01"))


def every(expression: str, anchor: str = "2026-01-01") -> Schedule:
    """An INTERVAL schedule."""
    return Schedule("INTERVAL", expression, "UTC", utc(anchor))
