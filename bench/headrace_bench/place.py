"""Where a benchmark runs: its server, its folder, and what the source holds."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from headrace_bench import data, folders
from headrace_bench.server import Server, started


@dataclass(frozen=True, slots=True)
class Place:
    """Everything that a case needs."""

    server: Server
    folder: Path
    """For logs and the like; removed at the end."""
    expected: data.Checksum
    _serial: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def log(self) -> Path:
        """Where the measured program's output goes."""
        return self.folder / "output.log"

    def next_number(self) -> int:
        """A number that nobody else got."""
        return next(self._serial)


@contextmanager
def made(rows: int, binaries: Path | None) -> Iterator[Place]:
    """A server with a filled source; gone afterwards."""
    with folders.temporary() as folder, started(folder, binaries) as server:
        yield Place(server, folder, data.create_source(server, rows))
