"""Each way in which a server does not let us in has a reason and words that say what to do, and names nobody."""

import asyncio
import datetime as dt
import ipaddress
import socket
import ssl
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from psycopg.conninfo import conninfo_to_dict
from tests.integration.conftest import PASSWORD, OwnServer, Server

from headrace.connections.problem import NoWayInError
from headrace.connections.resolve import PostgresAccess, resolve
from headrace.connections.secrets import Secrets, SecretSeen
from headrace.model.source import SourceSpec
from headrace.postgres.connect import connect
from headrace.postgres.faults import Refusal
from headrace.postgres.problems import refusal
from headrace_operator.monitor.postgres_visit import visit

SECONDS = 5.0


class Authority:
    """A CA, and certificates that it signed."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "A private CA")])
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        built = self._build(self._name, self._key).add_extension(constraints, critical=True)
        self._certificate = built.sign(self._key, hashes.SHA256())

    @property
    def pem(self) -> str:
        return self._certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, address: str) -> tuple[str, str]:
        """Certificate and key for an IP address."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        built = self._build(x509.Name([]), key).add_extension(names, critical=True)
        certificate = built.sign(self._key, hashes.SHA256())
        shape = (serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
        private = key.private_bytes(serialization.Encoding.PEM, *shape)
        return certificate.public_bytes(serialization.Encoding.PEM).decode(), private.decode()

    def _build(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
        )


AUTHORITY = Authority()


@asynccontextmanager
async def tls_in_front_of(server: Server) -> AsyncIterator[str]:
    """The port of a proxy that speaks TLS, for the wheel's Postgres was built without."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("certificate", "key")]
        for path, text in zip(paths, AUTHORITY.issue("127.0.0.1"), strict=True):
            path.write_text(text)
        context.load_cert_chain(*paths)
    behind = conninfo_to_dict(server.dsn())

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL
        await reader.readexactly(8)
        writer.write(b"S")
        with suppress(OSError, asyncio.CancelledError):
            await writer.start_tls(context)
            to_server = await asyncio.open_connection(str(behind["host"]), int(behind["port"] or 0))
            await asyncio.gather(pipe(reader, to_server[1]), pipe(to_server[0], writer))

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()

    proxy = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with proxy:
        yield str(proxy.sockets[0].getsockname()[1])


def access_to(dsn: str, ca: str | None = None, **parameters: str) -> PostgresAccess:
    given = {name: str(value) for name, value in conninfo_to_dict(dsn).items()}
    return PostgresAccess({**given, **parameters}, ca)


async def refusal_of(access: PostgresAccess, seconds: float = SECONDS) -> tuple[str, str]:
    """Reason and message; a server that lets us in has none."""
    caught: NoWayInError | None = None
    try:
        async with visit(access, application_name="test", seconds=seconds) as connection:
            await connection.execute("SELECT 1")
    except NoWayInError as error:
        caught = error
    message = caught.message if caught else ""
    assert not [secret for secret in (access.parameters["host"], PASSWORD) if secret in message]
    return (caught.reason.value if caught else ""), message


REFUSED = {
    "an unknown host": ({"host": "no-such-host.invalid"}, "HostUnknown", "The host name is not known: look at host"),
    "a host with an empty label": ({"host": "no..host"}, "HostUnknown", "The host name is not known: look at host"),
    "a host with too long a label": ({"host": "x" * 64}, "HostUnknown", "The host name is not known: look at host"),
    "a port where nobody listens": ({"port": "1"}, "ConnectionRefused", "Nothing listens at the configured address"),
    "a wrong password": ({"password": "wrong"}, "LoginRefused", "Wrong user name or password: look at username"),
    "an unknown user": ({"user": "nobody-there"}, "LoginRefused", "Wrong user name or password: look at username"),
    "a missing database": ({"dbname": "not-there"}, "DatabaseMissing", "The database does not exist on the server"),
    "TLS that the server lacks": ({"sslmode": "require"}, "TlsFailed", "The server speaks no TLS"),
    "a wanted role": ({"target_session_attrs": "standby"}, "ConnectionFailed", "No server with the wanted role"),
    "a port that is none": ({"port": "x/y"}, "InvalidSpec", "The connection string is neither"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_refusal_has_a_reason_and_says_what_to_do(server: Server, case: str) -> None:
    parameters, reason, words = REFUSED[case]
    got, message = await refusal_of(access_to(server.dsn(), **parameters))
    assert (got, message[: len(words)]) == (reason, words)


async def test_a_role_whose_connections_are_used_up_is_told_so(server: Server) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE one_only LOGIN PASSWORD 'x' CONNECTION LIMIT 1")
        try:
            with psycopg.connect(server.dsn(user="one_only", password="x")):
                reason, message = await refusal_of(access_to(server.dsn(user="one_only", password="x")))
        finally:
            connection.execute("DROP ROLE one_only")
    assert (reason, "maxConnections" in message) == ("TooManyConnections", True)


async def test_a_server_without_a_free_connection_is_told_so(own_server: OwnServer) -> None:
    with psycopg.connect(own_server.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE ordinary LOGIN PASSWORD 'x'")
    ordinary = own_server.dsn(user="ordinary", password="x")
    with ExitStack() as stack:
        with suppress(psycopg.OperationalError):
            while True:
                stack.enter_context(psycopg.connect(ordinary))
        assert (await refusal_of(access_to(ordinary)))[0] == "TooManyConnections"


TLS = {
    "the right CA": ({"sslmode": "verify-full"}, AUTHORITY.pem, "", ""),
    "no CA, and the machine's do not know it": (
        {"sslmode": "verify-full"},
        None,
        "TlsFailed",
        "The server's certificate was signed by nobody whom we trust: ca has to hold who signed it",
    ),
    "no CA, and no name to compare": (
        {"sslmode": "verify-ca"},
        None,
        "TlsFailed",
        "Nothing is there to verify the server's certificate by: give ca, or set sslmode=verify-full",
    ),
    "the machine's by verify-ca, for which anybody has a certificate": (
        {"sslmode": "verify-ca", "sslrootcert": "system"},
        None,
        "TlsFailed",
        "Nothing is there to verify the server's certificate by: give ca, or set sslmode=verify-full",
    ),
    "another CA": (
        {"sslmode": "verify-ca"},
        Authority().pem,
        "TlsFailed",
        "The server's certificate was signed by nobody whom we trust",
    ),
    "no certificate": (
        {"sslmode": "verify-ca"},
        "-----BEGIN CERTIFICATE-----\nAAAA",
        "TlsFailed",
        "There is no certificate that can be read in ca",
    ),
    "another name": (
        {"sslmode": "verify-full", "host": "other.example", "hostaddr": "127.0.0.1"},
        AUTHORITY.pem,
        "TlsFailed",
        "The server's certificate is for another host name: sslmode=verify-ca",
    ),
    "any certificate": ({"sslmode": "require"}, None, "", ""),
}


@pytest.mark.parametrize("case", TLS)
async def test_tls_is_as_strict_as_it_is_asked_to_be(
    server: Server, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.setenv("HOME", "/nowhere")
    parameters, ca, reason, words = TLS[case]
    async with tls_in_front_of(server) as port:
        got, message = await refusal_of(access_to(server.dsn(), ca, port=port, gssencmode="disable", **parameters))
    assert (got, message[: len(words)]) == (reason, words)


CERTIFICATES: dict[str, tuple[str, dict[str, str], bool, str]] = {
    "its CA": (AUTHORITY.pem, {}, True, ""),
    "its CA, and no name": (AUTHORITY.pem, {"sslmode": "verify-ca"}, True, ""),
    "another CA": (Authority().pem, {}, True, "TlsFailed"),
    "no TLS at all": (AUTHORITY.pem, {}, False, "TlsFailed"),
    "nothing asked for": (AUTHORITY.pem, {"sslmode": "prefer"}, True, "InvalidSpec"),
    "TLS asked for": (AUTHORITY.pem, {"sslmode": "require"}, True, "InvalidSpec"),
    "no TLS asked for": (AUTHORITY.pem, {"sslmode": "disable"}, True, "InvalidSpec"),
}


@pytest.mark.parametrize("case", CERTIFICATES)
async def test_who_gives_certificates_is_never_let_in_without_them(server: Server, case: str) -> None:
    ca, options, speaks_tls, reason = CERTIFICATES[case]
    reference = {"name": "whole", "key": "dsn"}
    spec = SourceSpec.model_validate({"name": "s", "connectionSecret": reference, "ca": ca, "options": options})
    async with tls_in_front_of(server) as port:
        dsn = server.dsn(gssencmode="disable", **({"port": port} if speaks_tls else {}))
        label = {"headrace.dev/credentials": "true"}
        secrets = Secrets({"whole": SecretSeen(label, {"dsn": dsn})}, installation="headrace-dsn")
        if reason == "InvalidSpec":
            with pytest.raises(NoWayInError, match="ca needs sslmode verify-ca or verify-full"):
                resolve(spec, secrets)
        else:
            access = resolve(spec, secrets)
            assert isinstance(access, PostgresAccess)
            assert (await refusal_of(access))[0] == reason


@pytest.fixture(params=["SSL_CERT_FILE", "a file of the machine's"])
def known(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the machine has the certificates that it trusts: our authority's."""
    file = tmp_path / "authorities.pem"
    file.write_text(AUTHORITY.pem)
    monkeypatch.setenv("HOME", "/nowhere")
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    if request.param == "SSL_CERT_FILE":
        monkeypatch.setenv(request.param, str(file))
    else:
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        places = ssl.get_default_verify_paths()._replace(cafile=str(file))
        monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: places)
    return file


MACHINE = {
    "verify-full": ({"sslmode": "verify-full"}, ""),
    "by name": ({"sslrootcert": "system"}, ""),
    "another name": ({"sslmode": "verify-full", "host": "other.example", "hostaddr": "127.0.0.1"}, "TlsFailed"),
    "by name, and another name": (
        {"sslrootcert": "system", "host": "other.example", "hostaddr": "127.0.0.1"},
        "TlsFailed",
    ),
    "weaker than they allow": ({"sslmode": "require", "sslrootcert": "system"}, "TlsFailed"),
}


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("case", MACHINE)
async def test_without_a_ca_of_its_own_a_server_is_verified_by_those_that_the_machine_knows(
    server: Server, case: str
) -> None:
    parameters, reason = MACHINE[case]
    async with tls_in_front_of(server) as port:
        got, _ = await refusal_of(access_to(server.dsn(), port=port, gssencmode="disable", **parameters))
        assert got == reason


async def test_a_run_trusts_whom_the_operator_trusts(server: Server, known: Path) -> None:
    async with tls_in_front_of(server) as port:
        dsn = server.dsn(port=port, gssencmode="disable", sslmode="verify-full")
        with await asyncio.to_thread(connect, dsn, application_name="a run") as connection:
            assert connection.pgconn.ssl_in_use
        await asyncio.to_thread(known.write_text, Authority().pem)
        with pytest.raises(psycopg.OperationalError) as caught:
            await asyncio.to_thread(connect, dsn, application_name="a run")
        assert refusal(caught.value) is Refusal.TLS_FAILED


@contextmanager
def black_hole(*, full: bool) -> Iterator[str]:
    """The port of a socket that never answers; `full`: not even a connection comes about."""
    with ExitStack() as stack:
        hole = stack.enter_context(socket.socket())
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        for _ in range(8 if full else 0):
            caller = stack.enter_context(socket.socket())
            caller.settimeout(0)
            caller.connect_ex(hole.getsockname())
        yield str(hole.getsockname()[1])


@pytest.mark.parametrize("full", [False, True], ids=["accepts and is silent", "drops"])
async def test_a_black_hole_takes_no_longer_than_it_may(server: Server, full: bool) -> None:
    with black_hole(full=full) as port:
        began = time.monotonic()
        reason, _ = await refusal_of(access_to(server.dsn(), port=port), seconds=0.5)
        assert (reason, time.monotonic() - began < 2) == ("NoAnswer", True)


async def test_a_server_that_freezes_takes_no_longer_than_it_may(own_server: OwnServer) -> None:
    began = time.monotonic()
    with own_server.frozen():
        assert (await refusal_of(access_to(own_server.dsn()), seconds=0.5))[0] == "NoAnswer"
    assert time.monotonic() - began < 3


async def test_a_server_that_freezes_during_a_visit_takes_no_longer_either(own_server: OwnServer) -> None:
    began = time.monotonic()

    async def freezes() -> None:
        async with visit(access_to(own_server.dsn()), application_name="test", seconds=0.7) as connection:
            with own_server.frozen():
                await connection.execute("SELECT 1")

    with pytest.raises(NoWayInError) as caught:
        await freezes()
    assert (caught.value.reason.value, time.monotonic() - began < 3) == ("NoAnswer", True)


async def test_a_statement_that_takes_too_long_ends_with_the_visit(server: Server) -> None:
    async def sleeps() -> None:
        async with visit(access_to(server.dsn()), application_name="long visit", seconds=0.5) as connection:
            await connection.execute("SELECT pg_sleep(60)")

    with pytest.raises(NoWayInError):
        await sleeps()
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'long visit'"
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        async with asyncio.timeout(10):
            while connection.execute(query).fetchone() != (0,):  # noqa: ASYNC110 - another process tells nobody
                await asyncio.sleep(0.1)
