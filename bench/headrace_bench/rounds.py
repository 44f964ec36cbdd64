"""The order of things: every run after a plain pipe, a CHECKPOINT before each, its target verified after it."""

from collections.abc import Callable, Sequence

import psycopg

from headrace_bench import data
from headrace_bench.cases import PLAIN, Case
from headrace_bench.place import Place
from headrace_bench.process import ProgramError, Took
from headrace_bench.report import Measured, Pair, Report
from headrace_bench.server import Server

FAULTS = (ProgramError, data.WrongTargetError, psycopg.Error)
"""What a case may end with, and the others go on."""


def measure(
    place: Place, cases: Sequence[Case], report: Report, *, say: Callable[[str], None], save: Callable[[], None]
) -> None:
    """Measures all cases in each round; a case that failed is named in the report, and not tried again."""
    for number in range(1, report.rounds + 1):
        for case in cases:
            if case.name not in report.failures and number <= (case.rounds or number):
                line = _pair(place, case, report)
                say(f"round {number} of {report.rounds}: {case.title}: {line}")
                save()


def _pair(place: Place, case: Case, report: Report) -> str:
    beside = case.plain or PLAIN
    try:
        plain = _verified(place, beside, beside.run)
        bare = _verified(place, case, case.bare) if case.bare else None
        pair = Pair(_verified(place, case, case.run), plain, bare)
    except FAULTS as error:
        report.failures[case.name] = str(error)
        return f"failed: {error}"
    report.add(case.name, case.title, pair, headrace=case.headrace, rows=case.rows)
    return f"{pair.run.seconds:.2f} s, {pair.ratio:.2f}, {beside.title} = 1"


def _verified(place: Place, case: Case, run: Callable[[Place], Took]) -> Measured:
    case.prepare(place)
    data.execute(place.server.dsn(), "CHECKPOINT")
    before = _wal_position(place.server)
    took = run(place)
    written = _wal_position(place.server) - before
    if case.verify:
        case.verify(place)
    else:
        data.verify(place.server, place.expected, case.table)
    return Measured(took.seconds, took.cpu_seconds, took.peak_bytes, written)


def _wal_position(server: Server) -> int:
    with psycopg.connect(server.dsn()) as connection:
        row = connection.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn").fetchone()
    assert row is not None
    return int(row[0])
