"""Ports of this machine that nobody uses."""

import random
import socket
from collections.abc import Collection

from headrace_local.errors import LocalError

# Below the range that the kernel gives to outgoing connections: a port stays free while its process restarts.
PORTS = range(20_000, 32_000)


def free_ports(count: int, besides: Collection[int] = ()) -> list[int]:
    """Ports that nobody listens on now, and that are not given away already; raises LocalError."""
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        if port in besides:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise LocalError(f"fewer than {count} free ports between {PORTS.start} and {PORTS.stop} on 127.0.0.1")
