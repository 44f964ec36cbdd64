"""Whether a process is ready, seen from outside of it."""

import json
import socket
import ssl
import urllib.parse
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path

TIMEOUT = 2.0


def https(url: str, pki: Path, authority: str = "ca", user: str = "admin") -> bool:
    """A GET with a client certificate answers 200."""
    return _get(url, _trust(pki, authority, user))[0] == 200


def http(url: str) -> bool:
    """A GET answers 200."""
    return _get(url, None)[0] == 200


def unix(path: Path) -> bool:
    """Somebody listens on the socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(TIMEOUT)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def node_ready(server: str, pki: Path, node: str) -> bool:
    """The node's condition Ready is true."""
    status, body = _get(f"{server}/api/v1/nodes/{node}", _trust(pki, "ca", "admin"))
    if status != 200:
        return False
    try:
        conditions = json.loads(body).get("status", {}).get("conditions", [])
    except ValueError:
        return False
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _trust(pki: Path, authority: str, user: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(pki / f"{authority}.crt"))
    context.load_cert_chain(pki / f"{user}.crt", pki / f"{user}.key")
    return context


def _get(url: str, context: ssl.SSLContext | None) -> tuple[int, bytes]:
    """Status and body; status 0 when there was no answer."""
    parts = urllib.parse.urlsplit(url)
    host, port = parts.hostname or "", parts.port or 0
    connection = (
        HTTPSConnection(host, port, timeout=TIMEOUT, context=context)
        if context
        else HTTPConnection(host, port, timeout=TIMEOUT)
    )
    try:
        connection.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, HTTPException):
        return 0, b""
    finally:
        connection.close()
