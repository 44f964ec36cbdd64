"""Postgres to Elasticsearch: what is measured, each beside bodies that were built beforehand."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from sys import executable
from typing import Any

from headrace_bench import documents, node, runner
from headrace_bench.cases import DEFAULT_BATCH, Case
from headrace_bench.documents import LARGE, TABLE, Bodies
from headrace_bench.environments import FOLDER, environment
from headrace_bench.node import Node
from headrace_bench.place import Place
from headrace_bench.process import Took, measure
from headrace_bench.runner import Job
from headrace_bench.server import SOURCE
from headrace_bench.words import WORDS

KIND = "elasticsearch"
FACTOR = 4
"""How many times as many documents the large case has."""
CONNECTIONS = 2
"""As many as the runner has."""
_LARGE = "elasticsearch-large"
PEER = "elasticsearch-peer"
_SCRIPT = "streaming_bulk"
NAMES = {
    "elasticsearch-empty": "empty index",
    "elasticsearch-again": "full index, drawn versions: all written again",
    "elasticsearch-unchanged": "full index, versionColumn: nothing changed",
    _LARGE: "empty index, {:,} documents",
    "elasticsearch-three": "bodies built beforehand, 3 connections",
    PEER: "helpers.streaming_bulk: empty index",
}
"""All cases, with their titles."""
_POSTER = Path(__file__).with_name("prebuilt.py")
_BODIES, _DOCUMENTS = "bodies", "documents"
"""The index that prebuilt bodies and the peer are for, and the runner's."""
# As the runner sets its own while it loads it.
_SETTINGS = {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "-1"}


@dataclass(frozen=True, slots=True)
class Rig:
    """A node, warm from a first load, and what is posted to it."""

    node: Node
    mapping: Mapping[str, Any]
    """The one that the runner makes of the query."""
    bodies: Mapping[str, Bodies]
    """Of each table."""

    @property
    def document_bytes(self) -> float:
        """Of a document with its action line."""
        return self.bodies[TABLE].document_bytes

    def cases(self) -> tuple[Case, ...]:
        """Those of Headrace, and the limit with a connection more."""
        full, unchanged = self._load("again"), self._load("unchanged", version_column="modified")
        return (
            self._runs("elasticsearch-empty", self._load(), before=None),
            self._runs("elasticsearch-again", full, before=full),
            self._runs("elasticsearch-unchanged", unchanged, before=unchanged),
            *([self._large()] if LARGE in self.bodies else []),
            self._posts("elasticsearch-three", lambda place: self._post(place, TABLE, CONNECTIONS + 1)),
        )

    def peer(self) -> Case:
        """The official client's own way; raises NotInstalledError."""
        programs = environment(_SCRIPT)
        return self._posts(PEER, lambda place: self._streaming_bulk(place, programs))

    def _large(self) -> Case:
        case = self._runs(_LARGE, self._load(table=LARGE), before=None, table=LARGE)
        title = case.title.format(self.bodies[LARGE].expected.rows)
        return replace(case, title=title, rounds=1, rows=self.bodies[LARGE].expected.rows)

    def _runs(
        self, name: str, run: Callable[[Place], Took], *, before: Callable[[Place], Took] | None, table: str = TABLE
    ) -> Case:
        def prepare(place: Place) -> None:
            self.node.remove_all()
            if before:
                before(place)

        expected = self.bodies[table].expected
        return Case(
            name, NAMES[name], prepare, run, plain=self._plain(table),
            verify=lambda _: documents.verify(self.node, _DOCUMENTS, expected),
        )  # fmt: skip

    def _posts(self, name: str, run: Callable[[Place], Took]) -> Case:
        case = self._plain(TABLE)
        return replace(case, name=name, title=NAMES[name], run=run, plain=case)

    def _plain(self, table: str) -> Case:
        expected = self.bodies[table].expected
        return Case(
            "plain", WORDS[KIND].plain, self._make_index, lambda place: self._post(place, table, CONNECTIONS),
            headrace=False, verify=lambda _: documents.verify_count(self.node, _BODIES, expected),
        )  # fmt: skip

    def _make_index(self, _: Place) -> None:
        self.node.remove_all()
        self.node.call("PUT", f"/{_BODIES}", {"settings": _SETTINGS, "mappings": self.mapping})

    def _post(self, place: Place, table: str, connections: int) -> Took:
        bodies = self.bodies[table]
        files = [str(bodies.path), str(bodies.ends)]
        command = [executable, "-I", str(_POSTER), self.node.address, *files, _BODIES, str(connections)]
        return measure([command], environ={}, log=place.log)

    def _load(
        self, pipeline: str | None = None, *, version_column: str | None = None, table: str = TABLE
    ) -> Callable[[Place], Took]:
        return loading(self.node, pipeline, version_column=version_column, table=table)

    def _streaming_bulk(self, place: Place, programs: Path) -> Took:
        script = str(FOLDER / "peers" / f"{_SCRIPT}.py")
        arguments = [place.server.uri(SOURCE), documents.query(TABLE), self.node.url, _BODIES]
        return measure([[str(programs / "python"), script, *arguments]], environ={}, log=place.log)


def rows_of(rows: int, wants: Callable[[str], bool]) -> int:
    """Of the largest case that is wanted."""
    return rows * FACTOR if wants(_LARGE) else rows


@contextmanager
def rigged(place: Place, rows: int, wants: Callable[[str], bool], say: Callable[[str], None]) -> Iterator[Rig]:
    """A rig with bodies for the cases that are wanted; raises LocalError where there can be no Elasticsearch."""
    tables = {TABLE: rows} | ({LARGE: rows_of(rows, wants)} if wants(_LARGE) else {})
    for table, count in tables.items():
        say(f"building bodies of {count:,} documents …")
        documents.create(place.server, table, count)
    bodies = {table: documents.build(place.server, table, place.folder) for table in tables}
    with node.started(place.folder, say) as one:
        # A node that was just started is slow: this first load is for it, and makes the mapping.
        loading(one)(place)
        (made,) = one.call("GET", f"/{_DOCUMENTS}/_mapping").values()
        yield Rig(one, {"properties": made["mappings"]["properties"]}, bodies)


def loading(
    one: Node, pipeline: str | None = None, *, version_column: str | None = None, table: str = TABLE
) -> Callable[[Place], Took]:
    """Moves a table's documents by a bare runner."""
    job = Job(
        DEFAULT_BATCH, table=f"es:{_DOCUMENTS}", pipeline=pipeline, query=documents.query(table),
        version_column=version_column,
    )  # fmt: skip
    return lambda place: runner.run(place, job, elasticsearch=one.url)
