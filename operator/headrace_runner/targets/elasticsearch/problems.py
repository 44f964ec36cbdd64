"""Elasticsearch's errors in words that a person may see, and whether a retry can help.

What Elasticsearch says of an index or a document is passed on: a person can act on it. What it says of itself while it
is not well, and what sockets and TLS say, is replaced by words of ours: it quotes addresses and names of nodes.
"""

import errno
import http.client
import json
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from headrace.errors import CredentialsError, PermanentError, TransientError


class Fault(Enum):
    """What kind of fault an error is; it decides who should do what."""

    PASSING = "may pass by itself: send it again"
    LASTING = "nothing gets in until somebody changes the index, the server or the credentials"
    DOCUMENT = "what was sent is to blame: another document may well get in"


@dataclass(frozen=True, slots=True)
class Complaint:
    """What Elasticsearch says of a request, or of one item in it."""

    status: int
    type: str | None = None
    reason: str | None = None
    """With what caused it."""

    @property
    def fault(self) -> Fault:
        """What kind of fault it is."""
        if self.status >= 500 or self.status in _PASSING_STATUS:
            # A disk that is full beyond its flood stage makes indices read-only, and this a 429.
            is_blocked = self.type == _BLOCK and self.status < 500
            return Fault.LASTING if is_blocked else Fault.PASSING
        if self.type in _PASSING_TYPES:
            return Fault.PASSING
        if self.type in _LASTING_TYPES or (self.reason and _MAPPING_FULL in self.reason):
            return Fault.LASTING
        # A 400 without a type is a proxy's: no halving of the body would find who is to blame.
        is_document = self.status in _DOCUMENT_STATUS and (self.type is not None or self.status == _TOO_LARGE)
        return Fault.DOCUMENT if is_document else Fault.LASTING

    def __str__(self) -> str:
        if self.fault is Fault.PASSING:
            words = _PASSING_WORDS.get(self.type or "")
            detail = words or f"it answers {self.status}" + (f", {self.type}" if self.type else "")
        else:
            detail = next((words for test, words in _LASTING_WORDS if test(self)), "{reason}")
            detail = detail.format(reason=self._said())
        return detail

    def translate(self) -> PermanentError | TransientError:
        """The error to raise."""
        # Nothing more gets into an index that is gone; but another attempt of the run makes one, and starts over.
        may_pass = self.fault is Fault.PASSING or self.type == _GONE
        if self.status == _UNAUTHORIZED:
            return CredentialsError(f"Elasticsearch: {self}", part="Elasticsearch")
        return (TransientError if may_pass else PermanentError)(f"Elasticsearch: {self}")

    def _said(self) -> str:
        if self.reason:
            return self.reason
        return f"it answers {self.status}" + (
            f", {self.type}" if self.type else ", which is no answer of Elasticsearch's"
        )


_BLOCK = "cluster_block_exception"
_GONE = "index_not_found_exception"
_MAPPING_FULL = "Limit of total fields"
_TOO_LARGE = 413
_UNAUTHORIZED = 401
_PASSING_STATUS = frozenset({408, 425, 429})
_DOCUMENT_STATUS = frozenset({400, 409, 413, 422})
_PASSING_TYPES = frozenset({"shard_not_found_exception", "index_shard_closed_exception", "alias_not_ready_exception"})
"""A shard that moves says so with 404 or 400."""
_LASTING_TYPES = frozenset(
    {
        _BLOCK,
        "index_closed_exception",
        _GONE,
        "security_exception",
        "invalid_index_name_exception",
    }
)
_PASSING_WORDS = {
    "es_rejected_execution_exception": "it has more to do than it can take (es_rejected_execution_exception)",
    "circuit_breaking_exception": "it has too little memory for this now (circuit_breaking_exception)",
    "unavailable_shards_exception": "a shard of the index is not available",
    "no_shard_available_action_exception": "no shard of the index is available",
    "master_not_discovered_exception": "the cluster has no master",
    "process_cluster_event_timeout_exception": "the cluster's master did not answer in time",
    _BLOCK: "the cluster is starting, or has no master",
    "node_closed_exception": "it is stopping",
}
_LASTING_WORDS = (
    (lambda it: it.status == _UNAUTHORIZED, "the API key, or user name and password, is not accepted: {reason}"),
    (lambda it: it.type == "security_exception", "a privilege is missing: {reason}"),
    (lambda it: it.type == "index_closed_exception", "the index is closed"),
    (lambda it: it.type == _GONE, "the index does not exist: {reason}"),
    (
        lambda it: it.type == _BLOCK and "flood" in (it.reason or "flood") and it.status == 429,
        "the index is read-only because a disk is full (flood-stage watermark): free some space, then run again",
    ),
    (lambda it: it.type == _BLOCK, "the index may not be written: {reason}"),
    (
        lambda it: it.reason is not None and _MAPPING_FULL in it.reason,
        "the mapping is full: {reason}; raise index.mapping.total_fields.limit, or let fewer fields come into being",
    ),
    (lambda it: 300 <= it.status < 400, "the address redirects to another one: give that as the URL"),
    (lambda it: it.status == _TOO_LARGE, "the request is greater than the server, or a proxy before it, takes"),
)
_LENGTH = 600
_SOURCE = re.compile(r"\s*at \[Source: .*", re.DOTALL)
"""Where in the bytes the parser was: Java's words."""


def complaint_of(status: int, body: bytes | Mapping[str, Any]) -> Complaint:
    """What an answer that is no success says; its body may be anything, a proxy's page too."""
    if isinstance(body, bytes):
        try:
            body = json.loads(body)
        except ValueError:
            return Complaint(status)
    error = body.get("error") if isinstance(body, Mapping) else None
    if isinstance(error, str):
        return Complaint(status, None, _short(error))
    return Complaint(status, *said(error)) if isinstance(error, Mapping) else Complaint(status)


def said(error: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Type and reason of an error object, the reason with its causes."""
    reasons: list[str] = []
    for cause in _chain(error):
        reason = _SOURCE.sub("", str(cause.get("reason") or ""))
        if reason and not any(reason in known for known in reasons):
            reasons.append(reason)
    kind = error.get("type")
    return (kind if isinstance(kind, str) else None), (_short(": ".join(reasons)) or None)


def unreachable(error: Exception) -> PermanentError | TransientError:
    """The error to raise for one of a socket, of TLS or of HTTP."""
    if isinstance(error, ssl.SSLError):
        return _of_tls(error)
    return TransientError(f"Elasticsearch: {_of_connection(error)}")


def _chain(error: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    cause: Any = error
    for _ in range(8):
        if not isinstance(cause, Mapping):
            return
        yield cause
        cause = cause.get("caused_by")


def _short(text: str) -> str:
    return text if len(text) <= _LENGTH else text[:_LENGTH] + "…"


def _of_tls(error: ssl.SSLError) -> PermanentError | TransientError:
    if isinstance(error, ssl.SSLCertVerificationError):
        words = _CERTIFICATE.get(
            error.verify_code, "its certificate is signed by nobody we trust: give the CA's certificate"
        )
        return CredentialsError(f"Elasticsearch: {words}", part="Elasticsearch")
    if error.reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST"}:
        return PermanentError("Elasticsearch: what listens at the address speaks no TLS: is it http, not https?")
    return TransientError("Elasticsearch: the TLS connection was lost")


_CERTIFICATE = {
    # https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/; what OpenSSL says itself quotes the host name.
    9: "its certificate is not valid yet",
    10: "its certificate has expired",
    62: "its certificate is for another host name",
    64: "its certificate is for another IP address",
}


def _of_connection(error: Exception) -> str:
    for kind, words in _CONNECTION:
        if isinstance(error, kind):
            return words
    if isinstance(error, OSError) and error.errno in {errno.EHOSTUNREACH, errno.ENETUNREACH}:
        return "there is no route to it"
    return "the connection was lost"


_CONNECTION: tuple[tuple[type[Exception], str], ...] = (
    (socket.gaierror, "the host name is not known"),
    (UnicodeError, "the host name can't be read"),
    (ConnectionRefusedError, "nothing listens at the configured address"),
    (TimeoutError, "it did not answer in time"),
    (http.client.IncompleteRead, "its answer was cut off"),
    (http.client.RemoteDisconnected, "the connection was lost"),
    (http.client.BadStatusLine, "what listens at the address speaks no HTTP: is it https, not http?"),
)
