"""Servers that sources and destinations may meet besides a good one: silent ones, a standby, one with TLS."""

import select
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from tests.integration.conftest import OwnServer

SSL_REQUEST = bytes.fromhex("0000000804d2162f")
"""https://www.postgresql.org/docs/current/protocol-message-formats.html"""


@contextmanager
def silent() -> Iterator[int]:
    """A port where the connection is made, and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield int(server.getsockname()[1])


def closed_port() -> int:
    """A port where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@dataclass(frozen=True)
class Authority:
    """Who signs certificates, in a folder."""

    folder: Path

    @property
    def pem(self) -> str:
        """Its own certificate."""
        return (self.folder / "ca.crt").read_text()

    @property
    def key(self) -> str:
        """Its private key."""
        return (self.folder / "ca.key").read_text()

    def sign(self, folder: Path, address: str) -> None:
        """Makes `server.key` and `server.crt`, for one address: a pod may know no name of this machine."""
        request, names = folder / "server.csr", folder / "names"
        names.write_text(f"subjectAltName=IP:{address}\n")
        _openssl("req", "-new", "-nodes", *_NEW_KEY, "-keyout", folder / "server.key", "-out", request, *_is("server"))
        signer = ("-CA", self.folder / "ca.crt", "-CAkey", self.folder / "ca.key", "-CAcreateserial")
        _openssl(
            "x509", "-req", "-in", request, *signer, "-days", "2", "-extfile", names, "-out", folder / "server.crt"
        )


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")


def authority(folder: Path) -> Authority:
    """A new one."""
    folder.mkdir(parents=True, exist_ok=True)
    own = ("-keyout", folder / "ca.key", "-out", folder / "ca.crt")
    _openssl("req", "-x509", "-nodes", *_NEW_KEY, *own, "-days", "2", *_is("authority"))
    return Authority(folder)


def _is(name: str) -> tuple[str, str]:
    return "-subj", f"/CN={name}"


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Standby(OwnServer):
    """A Postgres that only follows; what it is to hold is written before it is one."""

    def follow(self) -> None:
        """Becomes a standby: it has begun once as a primary, and finds no primary to follow."""
        self.stop(signal.SIGINT)
        (self._data / "standby.signal").touch()
        self.start()

    @property
    def port(self) -> int:
        """Where it listens, at 127.0.0.1."""
        return self._port


@contextmanager
def behind_tls(port: int, folder: Path, signer: Authority) -> Iterator[int]:
    """A port where TLS is spoken, with a certificate for 127.0.0.1 alone, before a Postgres there.

    The Postgres that comes as a wheel was built without TLS.
    """
    signer.sign(folder, "127.0.0.1")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.crt", folder / "server.key")
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listening:
        Thread(target=_serve, args=(listening, context, port), daemon=True).start()
        yield int(listening.getsockname()[1])


def _serve(listening: socket.socket, context: ssl.SSLContext, port: int) -> None:
    # An OSError: it was closed.
    with suppress(OSError):
        while True:
            client, _ = listening.accept()
            Thread(target=_between, args=(client, context, port), daemon=True).start()


def _between(client: socket.socket, context: ssl.SSLContext, port: int) -> None:
    # A client that does not like the certificate goes.
    with suppress(OSError), client:
        if client.recv(8) != SSL_REQUEST:
            return
        client.sendall(b"S")
        with (
            context.wrap_socket(client, server_side=True) as inside,
            socket.create_connection(("127.0.0.1", port)) as to,
        ):
            _pump(inside, to)


def _pump(one: ssl.SSLSocket, two: socket.socket) -> None:
    while True:
        # What was deciphered already does not make the socket readable.
        ready = [one] if one.pending() else select.select([one, two], [], [])[0]
        for side in ready:
            found = side.recv(65_536)
            if not found:
                return
            (two if side is one else one).sendall(found)
