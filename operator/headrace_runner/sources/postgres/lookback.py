"""Which rows the next incremental run reads again, because others may still come beside or below them. Pure.

A row's cursor value may be older than its commit for reasons that no waiting finds: an application set it, or it is
cut to the second or the day, and more rows get the same one later. A run therefore leaves word in the checkpoint as
long as the last row is young: then the next one begins a lookback before it. Rows read twice are written once.
"""

import re

DAY_SECONDS = 86_400.0
ZONES_SECONDS = 14 * 3600.0
"""A time without a zone may be that of any: the farthest are 14 hours from UTC."""

_TIME = re.compile(r"\d{4}-\d\d-\d\d(?: \d\d:(\d\d):(\d\d)(?:\.(\d+))?(?:\+00)?)?")
"""A date or a time in ISO form in UTC, as our sessions give it; such texts sort as the times do."""
_QUARTERS = ("00", "15", "30", "45")
"""A day begins in some zone of the world at these minutes of an hour in UTC."""


def is_time(type_name: str | None) -> bool:
    """Whether a lookback, which is a time, can be taken off values of this type."""
    return (type_name or "").split("(")[0].split(" ")[0] in ("timestamp", "date")


def has_zone(type_name: str) -> bool:
    """Whether its values are instants, the same on every clock."""
    return type_name.startswith("timestamp") and type_name.endswith("with time zone")


def grain_seconds(value: str) -> float:
    """For how long rows may go on getting this very value: its zeros tell what the column may be cut to."""
    found = _TIME.fullmatch(value)
    if found is None or found[1] is None:
        return DAY_SECONDS
    minute, second, fraction = found.groups()
    if fraction:
        return float(10 ** -len(fraction))
    if second != "00":
        return 1.0
    return DAY_SECONDS if minute in _QUARTERS else 60.0


def is_unsettled(value: str, unsettled_from: str | None, *, is_time: bool, is_last: bool = False) -> bool:
    """Whether rows may still come at or below a row with this cursor value; both are the source's text.

    `is_last`: no row of the read comes after it.
    """
    if unsettled_from is None:
        return False
    if not is_time:
        # What is equal need not read alike: 9.0 and 9.00. The last row has the greatest value, however it reads.
        return is_last or value == unsettled_from
    are_plain = _TIME.fullmatch(value) and _TIME.fullmatch(unsettled_from)
    # Before Christ, after 9999 and -infinity: rather read again than compare.
    return not are_plain or value >= unsettled_from
