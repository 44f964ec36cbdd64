"""Certificates where libpq finds them: it reads files only, and a pod's file system may be read-only."""

import os
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

SYSTEM = "system"
"""In place of a file: the authorities that OpenSSL knows."""
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, distroless
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",
)


@contextmanager
def certificate_file(pem: str | None) -> Iterator[str | None]:
    """The path of a file with these certificates, which nobody else can open; None where there are none."""
    if pem is None:
        yield None
        return
    with _anonymous() as file:
        file.write(pem.encode())
        file.flush()
        file.seek(0)
        yield f"/dev/fd/{file.fileno()}"


def trusting(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of libpq; by `verify-full` without a file of certificates, those that the machine knows count.

    libpq has `sslrootcert=system` for it, but the OpenSSL of psycopg's wheel looks in a folder of its own, which is on
    no machine, unless the environment names another place.
    """
    root = parameters.get("sslrootcert") or os.environ.get("PGSSLROOTCERT")
    mode = parameters.get("sslmode") or os.environ.get("PGSSLMODE")
    # With a weaker mode libpq refuses them: of such authorities anybody has a certificate.
    is_named = root == SYSTEM and mode in {None, "verify-full"}
    if is_named or (mode == "verify-full" and not root and not _has_own()):
        return {**parameters, "sslmode": "verify-full", "sslrootcert": machine_authorities()}
    return dict(parameters)


def _has_own() -> bool:
    """Whether libpq finds certificates by itself: the user's."""
    try:
        return Path("~/.postgresql/root.crt").expanduser().exists()
    except RuntimeError:
        # A user without a home.
        return False


def machine_authorities() -> str:
    """A file with the certificates that the machine trusts; SYSTEM where OpenSSL is to look for them by itself."""
    if os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR"):
        return SYSTEM
    places = (ssl.get_default_verify_paths().cafile, *_BUNDLES)
    return next((place for place in places if place is not None and Path(place).is_file()), SYSTEM)


def _anonymous() -> IO[bytes]:
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("ca"), "w+b")
    return tempfile.TemporaryFile()
