"""Other programs that move rows from Postgres to Postgres, each in the form that its documentation recommends."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from headrace_bench import data
from headrace_bench.cases import DEFAULT_BATCH, Case, holding, running
from headrace_bench.data import TABLE, Before
from headrace_bench.environments import FOLDER, NotInstalledError, environment
from headrace_bench.place import Place
from headrace_bench.process import Took, measure
from headrace_bench.server import SOURCE, TARGET

Command = Callable[[Place, Path], list[str]]
"""From the place and the folder of the peer's programs."""

_SCRIPTS = FOLDER / "peers"
_WORKS = {Before.EMPTY: "empty target", Before.CHANGED: "all rows changed"}
# The documented switches; and a proxy that is not there, for what asks nobody.
_SILENT = {
    "SLING_DISABLE_TELEMETRY": "true",
    "INGESTR_DISABLE_TELEMETRY": "true",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "127.0.0.1",
}


@dataclass(frozen=True, slots=True)
class Peer:
    """One program, and its command for each work that it knows."""

    name: str
    commands: Mapping[Before, Command]
    installed: Callable[[], Path]
    """The folder of its programs; raises NotInstalledError."""
    prepare: Callable[[Place, Before], None]

    def cases(self, folder: Path) -> tuple[Case, ...]:
        """A case for each work."""
        return tuple(self._case(before, command, folder) for before, command in self.commands.items())

    def _case(self, before: Before, command: Command, folder: Path) -> Case:
        def run(place: Place) -> Took:
            home = place.folder / "home"
            # A folder of its own each time: some keep a state, and would go on with an earlier run.
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir()
            environ = {**_SILENT, "HOME": str(home), "TMPDIR": str(home)}
            return measure([command(place, folder)], environ=environ, log=place.log)

        title = f"{self.name}: {_WORKS[before]}"
        return Case(f"{self.name}-{before}", title, lambda place: self.prepare(place, before), run, headrace=False)


def _prepare(place: Place, before: Before) -> None:
    data.drop_schemas(place.server)
    data.prepare_target(place.server, before, log=place.log)


def _prepare_for_dlt(place: Place, before: Before) -> None:
    """It knows no uuid: neither its fastest loader nor its upsert can write one."""
    _prepare(place, before)
    data.execute(place.server.dsn(TARGET), f"ALTER TABLE {TABLE} ALTER id TYPE varchar", f"VACUUM (ANALYZE) {TABLE}")


def _uri(place: Place, database: str) -> str:
    return f"{place.server.uri(database)}?sslmode=disable"


def _sling(mode: str, *options: str) -> Command:
    def command(place: Place, folder: Path) -> list[str]:
        (program,) = folder.parent.glob("lib/*/site-packages/sling_linux_amd64/bin/sling-linux-amd64")
        source = ["--src-conn", _uri(place, SOURCE), "--src-stream", TABLE]
        target = ["--tgt-conn", _uri(place, TARGET), "--tgt-object", TABLE]
        return [str(program), "run", *source, *target, "--mode", mode, *options]

    return command


def _ingestr(strategy: str) -> Command:
    def command(place: Place, folder: Path) -> list[str]:
        # It reads a uuid that it can't write; as text, and named a uuid again, it can. Of a query's numeric it keeps
        # no precision, and would make the target's column another.
        query = data.QUERY.replace("SELECT id,", "SELECT id::text AS id,")
        source = ["--source-uri", _uri(place, SOURCE), "--source-table", f"query:{query}"]
        target = ["--dest-uri", _uri(place, TARGET), "--dest-table", TABLE]
        how = ["--incremental-strategy", strategy, "--primary-key", "id", "--columns", "id:uuid,amount:decimal(12,2)"]
        return [str(folder / "ingestr"), "ingest", "--yes", "--progress", "log", *source, *target, *how]

    return command


def _script(name: str, *arguments: str) -> Command:
    def command(place: Place, folder: Path) -> list[str]:
        uris = [place.server.uri(SOURCE), place.server.uri(TARGET)]
        return [str(folder / "python"), str(_SCRIPTS / name), *uris, *arguments]

    return command


def _dlt(disposition: str) -> Command:
    def command(place: Place, folder: Path) -> list[str]:
        return [*_script("dlt_load.py", disposition)(place, folder), str(place.folder / "home" / "dlt")]

    return command


def _pgloader(place: Place, folder: Path) -> list[str]:
    text = (_SCRIPTS / "pgloader.load").read_text()
    for name in (SOURCE, TARGET):
        text = text.replace(f"{{{{{name.upper()}}}}}", place.server.uri(name))
    script = place.folder / "home" / "pgloader.load"
    script.write_text(text)
    return [str(folder / "pgloader"), "--root-dir", str(place.folder / "home" / "pgloader"), str(script)]


def _system(program: str) -> Callable[[], Path]:
    def installed() -> Path:
        found = shutil.which(program)
        if not found:
            raise NotInstalledError(f"no {program} on the PATH; it comes with the system's packages")
        return Path(found).parent

    return installed


def _in_environment(name: str) -> Callable[[], Path]:
    return lambda: environment(name)


PEERS = (
    Peer("sling", {Before.EMPTY: _sling("truncate"), Before.CHANGED: _sling("incremental", "--primary-key", "id")},
         _in_environment("sling"), _prepare),
    Peer("ingestr", {Before.EMPTY: _ingestr("replace"), Before.CHANGED: _ingestr("merge")},
         _in_environment("ingestr"), _prepare),
    Peer("dlt", {Before.EMPTY: _dlt("replace"), Before.CHANGED: _dlt("merge")},
         _in_environment("dlt"), _prepare_for_dlt),
    Peer("adbc", {Before.EMPTY: _script("adbc_load.py")}, _in_environment("adbc"), _prepare),
    Peer("duckdb", {Before.EMPTY: _script("duckdb_load.py")}, _in_environment("duckdb"), _prepare),
    Peer("pgloader", {Before.EMPTY: _pgloader}, _system("pgloader"), _prepare),
)  # fmt: skip
HEADRACE = tuple(
    Case(f"headrace-{before}", f"Headrace: {title}", holding(before), running(DEFAULT_BATCH))
    for before, title in _WORKS.items()
)
