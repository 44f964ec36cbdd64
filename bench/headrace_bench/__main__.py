"""`python -m headrace_bench`: measures how fast rows move, beside a plain `psql COPY | psql COPY`.

To Elasticsearch it is beside bulk bodies that were built beforehand. Starts servers of its own, moves rows in many
ways, each run after what it is compared with, compares source and target by checksum after each, prints tables, and
writes JSON, plots (SVG) and the results in the documentation's page.
"""

import argparse
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from headrace_bench import benchmark, cluster, elasticsearch
from headrace_bench.benchmark import Wish, publish
from headrace_bench.cases import CASES
from headrace_bench.report import Report

_ROWS = {"run": 2_000_000, "peers": 500_000}
_DOCUMENTS = 500_000
_POSTGRES = (*(case.name for case in CASES), *cluster.NAMES)


def main() -> int:
    """Returns the exit code: 1 when something was not measured."""
    # As Ctrl-C: or else the server's data would stay.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    options = _options()
    wish = Wish(
        rows=options.rows or _ROWS.get(options.what, 0),
        documents=options.rows or _DOCUMENTS,
        rounds=options.rounds,
        cases=tuple(options.case or ()),
        output=options.output,
        page=options.page,
        postgres=options.postgres,
        keep=options.keep,
    )
    if options.what == "report":
        reports = iter([Report.load(file) for file in sorted(wish.output.glob("*.json"))])
    else:
        reports = _measured(options.what, wish)
    failures = 0
    for report in reports:
        print(publish(wish, report), end="\n\n")
        failures += len(report.failures)
    return 1 if failures else 0


def _measured(what: str, wish: Wish) -> Iterator[Report]:
    """Each report as soon as it is there."""
    if what == "peers":
        yield benchmark.run_peers(wish, _say)
    elif any(map(wish.wants, _POSTGRES)):
        yield benchmark.run(wish, _say)
    if what == "run" and any(map(wish.wants, elasticsearch.NAMES)):
        report = benchmark.run_elasticsearch(wish, _say)
        if report:
            yield report


def _options() -> argparse.Namespace:
    names = ", ".join([*_POSTGRES, *elasticsearch.NAMES])
    parser = argparse.ArgumentParser(
        prog="python -m headrace_bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "what", nargs="?", choices=("run", "peers", "report"), default="run",
        help="run: Headrace (the default); peers: it and other programs; report: plot and page again, from the JSON",
    )  # fmt: skip
    parser.add_argument("--case", action="append", metavar="NAME", help=f"how its name begins; repeatable. {names}")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default 3)")
    parser.add_argument(
        "--rows",
        type=int,
        help="default 2,000,000, with peers and of Elasticsearch's documents 500,000; 200,000 for a quick try",
    )
    parser.add_argument("--output", type=Path, default=Path("build/bench"), help="folder of JSON and SVG (%(default)s)")
    parser.add_argument("--keep", action="store_true", help="lines of the JSON that are not measured now stay")
    parser.add_argument("--page", type=Path, help="a page in Markdown whose results are replaced")
    parser.add_argument("--postgres", type=Path, help="folder of a server's programs (default: the wheel's, 18)")
    return parser.parse_args()


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
