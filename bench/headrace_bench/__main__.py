"""`python -m headrace_bench`: measures, prints a table, writes JSON and a plot."""

import argparse
import statistics
import sys
from pathlib import Path

from headrace_bench import place, rounds
from headrace_bench.cases import CASES


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m headrace_bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--case", action="append", help=", ".join(case.name for case in CASES))
    parser.add_argument("--postgres", type=Path)
    options = parser.parse_args()
    cases = [case for case in CASES if not options.case or any(case.name.startswith(name) for name in options.case)]
    with place.made(options.rows, options.postgres) as where:
        found = list(rounds.pairs(where, cases, options.rounds, lambda line: print(line, file=sys.stderr, flush=True)))
    for case in cases:
        mine = [pair for pair in found if pair.case is case]
        print(
            f"{case.title:45s} {statistics.median(p.ratio for p in mine):5.2f}"
            f" {statistics.median(p.run.seconds for p in mine):7.2f} s"
            f" cpu {statistics.median(p.run.cpu_seconds for p in mine):5.2f} s"
            f" peak {max(p.run.peak_bytes for p in mine) / 1e6:4.0f} MB"
            f" WAL {statistics.median(p.run.wal_bytes for p in mine) / 1e6:6.1f} MB"
        )


main()
