"""An OpenID Connect issuer for tests: real keys, and a process of its own that serves what they publish."""

import base64
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from headrace_local.ports import free_ports

AUDIENCE = "headrace"
_SERVE = """
import functools, http.server, ssl, sys
port, folder, certificate = sys.argv[1:]
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), handler)
if certificate:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


class Key:
    """A pair of keys with a name."""

    def __init__(self, kid: str, algorithm: str = "RS256", *, bits: int = 2048, names_algorithm: bool = True) -> None:
        self.kid, self.algorithm, self._names_algorithm = kid, algorithm, names_algorithm
        self.private: Any = _make(algorithm, bits)

    def published(self, **more: Any) -> dict[str, Any]:
        """The public half, as a JWKS has it."""
        made = jwt.get_algorithm_by_name(self.algorithm).to_jwk(self.private.public_key(), as_dict=True)
        entry = {**made, "kid": self.kid, "use": "sig"}
        entry.pop("key_ops", None)
        return {**entry, **({"alg": self.algorithm} if self._names_algorithm else {}), **more}

    def pem(self) -> bytes:
        """The public half as text, such as one would mistake for a shared secret."""
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class Issuer:
    """Publishes keys from a folder, and signs with any."""

    def __init__(self, folder: Path, certificate: Path | None = None) -> None:
        """With a certificate (and its key in the same file) it speaks TLS."""
        self._folder = folder
        self._certificate = certificate
        self._process: subprocess.Popen[bytes] | None = None
        self._port = free_ports(1)[0]
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self._port}"
        self.jwks = self._folder / "jwks.json"
        self.discover()

    def discover(self, **fields: Any) -> None:
        """Writes the discovery document."""
        found = {"issuer": self.url, "jwks_uri": f"{self.url}/jwks.json", **fields}
        path = self._folder / ".well-known" / "openid-configuration"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(found))

    def publish(self, *keys: Key | dict[str, Any]) -> None:
        """From now on these keys are the issuer's."""
        entries = [key.published() if isinstance(key, Key) else key for key in keys]
        self.publish_text(json.dumps({"keys": entries}))

    def publish_text(self, text: str) -> None:
        """Publishes whatever it is."""
        fresh = self._folder / "fresh"
        fresh.write_text(text)
        fresh.rename(self.jwks)

    def publish_redirect(self) -> None:
        """Where the keys were, a redirect leads elsewhere."""
        self.jwks.unlink(missing_ok=True)
        (self.jwks / "x").mkdir(parents=True)

    def token(self, key: Key, *, headers: dict[str, Any] | None = None, **claims: Any) -> str:
        """A token of jane, valid for five minutes, unless the claims say otherwise; None leaves a claim out."""
        now = int(time.time())
        every = {"iss": self.url, "aud": AUDIENCE, "sub": "jane", "iat": now, "exp": now + 300, **claims}
        said = {name: value for name, value in every.items() if value is not None}
        head = {name: value for name, value in {"kid": key.kid, **(headers or {})}.items() if value is not None}
        return jwt.encode(said, key.private, algorithm=key.algorithm, headers=head)

    def forge(self, header: dict[str, Any], signature: bytes = b"", **claims: Any) -> str:
        """A token with any header and signature."""
        now = int(time.time())
        body = {"iss": self.url, "aud": AUDIENCE, "sub": "jane", "exp": now + 300, **claims}
        parts = [json.dumps(header).encode(), json.dumps(body).encode(), signature]
        return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)

    def start(self) -> None:
        """Serves until it is stopped."""
        command = [sys.executable, "-c", _SERVE, str(self._port), str(self._folder), str(self._certificate or "")]
        die_with_us = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen([*die_with_us, *command], **quiet)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=2).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError("the issuer does not start")

    def renew(self, *keys: Key) -> None:
        """It serves as one that was just started, with these keys, whatever a test has done to it."""
        if self._process is None:
            self.start()
        self.freeze(thaw=True)
        if self.jwks.is_dir():
            shutil.rmtree(self.jwks)
        self.discover()
        self.publish(*keys)

    def stop(self) -> None:
        """It is down."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=10)
            self._process = None

    def freeze(self, *, thaw: bool = False) -> None:
        """It takes connections and says nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT if thaw else signal.SIGSTOP)


def write_certificate(path: Path) -> None:
    """A certificate for 127.0.0.1 that only who has it believes, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "issuer")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(made.public_bytes(Encoding.PEM) + private)


def _make(algorithm: str, bits: int) -> Any:
    match algorithm:
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case "ES384":
            return ec.generate_private_key(ec.SECP384R1())
        case "EdDSA":
            return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65537, bits)
