"""The order of things: every run after a plain pipe, a CHECKPOINT before each, its target verified after it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import psycopg

from headrace_bench import data
from headrace_bench.cases import PLAIN, Case
from headrace_bench.place import Place
from headrace_bench.server import Server


@dataclass(frozen=True, slots=True)
class Measured:
    """One verified run."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    wal_bytes: int


@dataclass(frozen=True, slots=True)
class Pair:
    """A run and the plain pipe right before it: what the machine does at the time, it does to both."""

    case: Case
    run: Measured
    plain: Measured

    @property
    def ratio(self) -> float:
        """2.0 is twice as fast as the plain pipe."""
        return self.plain.seconds / self.run.seconds


def pairs(place: Place, cases: Sequence[Case], rounds: int, say: Callable[[str], None]) -> Iterator[Pair]:
    """Measures all cases in each round."""
    for number in range(1, rounds + 1):
        for case in cases:
            plain = measure(place, PLAIN)
            pair = Pair(case, measure(place, case), plain)
            say(f"round {number} of {rounds}: {case.title} {pair.run.seconds:.2f} s, {pair.ratio:.2f}")
            yield pair


def measure(place: Place, case: Case) -> Measured:
    """Prepares, runs and verifies."""
    case.prepare(place)
    data.execute(place.server.dsn(), "CHECKPOINT")
    before = _wal_position(place.server)
    took = case.run(place)
    written = _wal_position(place.server) - before
    data.verify(place.server, place.expected, case.table)
    return Measured(took.seconds, took.cpu_seconds, took.peak_bytes, written)


def _wal_position(server: Server) -> int:
    with psycopg.connect(server.dsn()) as connection:
        row = connection.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn").fetchone()
    assert row is not None
    return int(row[0])
