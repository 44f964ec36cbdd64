"""When a source or destination that can't be reached is tried again. Pure."""

from headrace.model.conditions import Reason

LONGEST_SECONDS = 300.0
_PATIENT = 2
"""Of what may pass by itself: so many intervals at most."""
_MOST_DOUBLINGS = 10
LASTING = frozenset(
    {
        Reason.LOGIN_REFUSED,
        Reason.TLS_FAILED,
        Reason.DATABASE_MISSING,
    }
)
"""Somebody has to change something: trying often would lock the account, and fill the server's log."""


def pause_after(failures: int, reason: Reason | None, interval: float) -> float:
    """Seconds until the next attempt, after so many failures in a row; None: the last one went well."""
    if failures == 0 or reason is None:
        return interval
    doubled = interval * 2.0 ** min(failures - 1, _MOST_DOUBLINGS)
    longest = max(interval, LONGEST_SECONDS) if reason in LASTING else _PATIENT * interval
    return min(doubled, longest)
