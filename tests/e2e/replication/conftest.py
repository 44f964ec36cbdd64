"""Sources and destinations that these tests make, and servers that they lead to."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from tests.e2e.replication.client import Replication
from tests.e2e.replication.connections import Connections
from tests.e2e.replication.servers import Authority, Standby, authority, behind_tls
from tests.integration.conftest import start_own_server, wheels


@pytest.fixture(scope="module")
def connections(world) -> Iterator[Connections]:
    """Ways to make roles, Secrets, sources and destinations; what was made is gone after the module."""
    made = Connections(world)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def replication(world, connections) -> Iterator[Replication]:
    """Calls of the first API process; what was made by them is gone after the module."""
    made = Replication(world, connections.address)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def signer(tmp_path_factory) -> Authority:
    """Who signs the certificates of our servers."""
    return authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def standby() -> Iterator[Standby]:
    """A standby with a table `public.films` of 30 rows in its database postgres."""
    with contextmanager(start_own_server)(wheels(), Standby) as server:
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            connection.execute(
                "CREATE TABLE public.films (id bigint PRIMARY KEY, title text);"
                " INSERT INTO public.films SELECT n, 'film ' || n FROM generate_series(1, 30) AS n"
            )
        server.follow()
        yield server


@pytest.fixture(scope="session")
def tls_port(standby, signer, tmp_path_factory) -> Iterator[int]:
    """Where the standby is reached by TLS, as 127.0.0.1 and by no other name."""
    with behind_tls(standby.port, tmp_path_factory.mktemp("tls"), signer) as port:
        yield port
