"""Posts bulk bodies that were built beforehand, by some connections; a program of its own, as small as it gets.

Arguments: host:port, the bodies' file, the file of where each ends, index, how many connections. When all are posted, a
refresh makes them visible.
"""

import http.client
import json
import mmap
import sys
import threading
from collections import deque
from itertools import pairwise
from typing import IO


def main() -> None:
    """Ends with an error when a document was refused."""
    address, path, ends, index, connections = sys.argv[1:]
    with open(path, "rb") as file, open(ends) as listed:  # noqa: PTH123 - pathlib costs start-up
        bodies = _bodies(file, json.load(listed))
        refused: list[bytes] = []
        threads = [
            threading.Thread(target=_post, args=(address, index, bodies, refused)) for _ in range(int(connections))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if bodies or refused:
        sys.exit(f"{len(bodies)} bodies not posted, {len(refused)} not taken: {refused[:1]}")
    _call(http.client.HTTPConnection(address), f"/{index}/_refresh", b"")


def _bodies(file: IO[bytes], ends: list[int]) -> deque[memoryview]:
    all_of_it = memoryview(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))
    return deque(all_of_it[start:end] for start, end in pairwise(ends))


def _post(address: str, index: str, bodies: deque[memoryview], refused: list[bytes]) -> None:
    connection = http.client.HTTPConnection(address)
    while bodies:
        try:
            body = bodies.popleft()
        except IndexError:
            return
        answer = _call(connection, f"/{index}/_bulk?filter_path=errors", body)
        if answer != b'{"errors":false}':
            refused.append(answer[:1000])


def _call(connection: http.client.HTTPConnection, path: str, body: "bytes | memoryview") -> bytes:
    connection.request("POST", path, body, {"Content-Type": "application/x-ndjson"})
    return connection.getresponse().read()


if __name__ == "__main__":
    main()
