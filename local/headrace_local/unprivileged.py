"""As whom a server runs that refuses to be root, where root starts it."""

import os
from pathlib import Path

NOBODY = 65534
# In a user namespace of its own it is uid 1000, and still the owner of its files.
AS_NOBODY = ("unshare", "--user", "--map-user=1000", "--map-group=1000")


def can_be_nobody() -> bool:
    """Whether this process may start others as NOBODY."""
    return knows_nobody(os.geteuid(), Path("/proc/self/uid_map").read_text())


def knows_nobody(euid: int, uid_map: str) -> bool:
    """Root may become another user, where the kernel knows the other one.

    `uid_map` is /proc/self/uid_map: first id inside, first outside, how many. In the user namespace that an ordinary
    user makes there is only that user, called root.
    """
    ranges = [tuple(map(int, line.split())) for line in uid_map.splitlines()]
    return euid == 0 and any(first <= NOBODY < first + count for first, _, count in ranges)
