"""A benchmark from the start of its server to its files."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from headrace_bench import cluster, data, elasticsearch, machine, page, peers, plot, tables
from headrace_bench.cases import CASES, Case
from headrace_bench.elasticsearch import Rig
from headrace_bench.environments import NotInstalledError
from headrace_bench.place import Place, made
from headrace_bench.report import Report
from headrace_bench.rounds import measure
from headrace_bench.server import SETTINGS
from headrace_local.elasticsearch import home as elasticsearch_home
from headrace_local.errors import LocalError

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for."""

    rows: int
    documents: int
    """For Elasticsearch."""
    rounds: int
    cases: tuple[str, ...]
    """How names begin; empty for all."""
    output: Path
    page: Path | None = None
    postgres: Path | None = None
    keep: bool = False
    """Whether lines that the file of results has, and that are not measured now, stay."""

    def wants(self, name: str) -> bool:
        """Whether a case is among those asked for."""
        return not self.cases or name.startswith(self.cases)


def run(wish: Wish, say: Say) -> Report:
    """From Postgres to Postgres; the JSON is written after every run, so that what ends early leaves what it found."""
    say(f"making a server and {wish.rows:,} rows …")
    with made(wish.rows, wish.postgres) as place:
        report = begin("bench", wish, place)
        _measure(place, [case for case in CASES if wish.wants(case.name)], report, wish, say)
        if any(wish.wants(name) for name in cluster.NAMES):
            _measure_on_cluster(place, report, wish, say)
    return report


def run_peers(wish: Wish, say: Say) -> Report:
    """Measures Headrace and the other programs; one that can't be installed is named in the report."""
    cases, missing = list(peers.HEADRACE), {}
    for peer in peers.PEERS:
        if wish.wants(peer.name):
            say(f"looking for {peer.name} …")
            try:
                cases += peer.cases(peer.installed())
            except NotInstalledError as error:
                say(f"{peer.name} can't be installed: {error}")
                missing[peer.name] = "it could not be installed here"
    say(f"making a server and {wish.rows:,} rows …")
    with made(wish.rows, wish.postgres) as place:
        report = begin("peers", wish, place)
        report.failures.update(missing)
        _measure(place, [case for case in cases if wish.wants(case.name)], report, wish, say)
    return report


def run_elasticsearch(wish: Wish, say: Say) -> Report | None:
    """Measures loads of Elasticsearch; None, and why is said, where there can be none."""
    try:
        elasticsearch_home.home(say)
    except LocalError as error:
        say(f"Elasticsearch is left out: {error}")
        return None
    rows = elasticsearch.rows_of(wish.documents, wish.wants)
    say(f"making a server and {rows:,} rows …")
    with made(rows, wish.postgres) as place, elasticsearch.rigged(place, wish.documents, wish.wants, say) as rig:
        report = begin(elasticsearch.KIND, wish, place, rig)
        cases = [case for case in rig.cases() if wish.wants(case.name)]
        if wish.wants(elasticsearch.PEER):
            try:
                cases.append(rig.peer())
            except NotInstalledError as error:
                report.failures[elasticsearch.PEER] = f"it could not be installed here: {error}"
        _measure(place, cases, report, wish, say)
    return report


def begin(kind: str, wish: Wish, place: Place, rig: Rig | None = None) -> Report:
    """A report without lines, but for those to be kept."""
    report = Report(
        kind=kind,
        started=time.strftime("%Y-%m-%d", time.gmtime()),
        rows=wish.documents if rig else wish.rows,
        row_bytes=rig.document_bytes if rig else data.row_bytes(place.server),
        elasticsearch=rig.node.version() if rig else None,
        rounds=wish.rounds,
        postgres=place.server.version(),
        machine=machine.describe(),
        settings=SETTINGS,
    )
    earlier = path(wish, report, "json")
    return report.keeping(Report.load(earlier), wish.wants) if wish.keep and earlier.exists() else report


def _measure(place: Place, cases: Sequence[Case], report: Report, wish: Wish, say: Say) -> None:
    measure(place, cases, report, say=say, save=lambda: report.save(path(wish, report, "json")))


def _measure_on_cluster(place: Place, report: Report, wish: Wish, say: Say) -> None:
    with ExitStack() as stack:
        try:
            status = stack.enter_context(cluster.started(place, say))
        except LocalError as error:
            report.failures["cluster"] = str(error)
            return
        _measure(place, [case for case in cluster.cases(status) if wish.wants(case.name)], report, wish, say)


def publish(wish: Wish, report: Report) -> str:
    """Writes JSON, plot and page; returns the tables."""
    report.save(path(wish, report, "json"))
    path(wish, report, "svg").write_text(plot.draw(report))
    if wish.page:
        page.write(wish.page, report)
    return tables.everything(report)


def path(wish: Wish, report: Report, kind: str) -> Path:
    """Where a file of a report lies."""
    return wish.output / f"{report.kind}.{kind}"
