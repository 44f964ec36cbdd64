"""Why an Elasticsearch does not let us in, in words that name no host: aiohttp's own quote it."""

import errno
import socket
import ssl

import aiohttp

from headrace.connections.problem import NoWayInError
from headrace.model.conditions import Reason

_CERTIFICATE = {
    # https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/
    9: "The server's certificate is not valid yet",
    10: "The server's certificate has expired",
    62: "The server's certificate is for another host name",
    64: "The server's certificate is for another IP address",
}
_LISTEN = "Nothing listens at the configured address: look at host and port, and whether the server listens there"


def refuse(status: int) -> None:
    """Raises NoWayInError for an answer that is no success."""
    if status in {401, 403}:
        words = "Wrong user name or password, or API key: look at username and the Secret with the password"
        raise NoWayInError(Reason.LOGIN_REFUSED, words)
    if status in {408, 429} or status >= 500:
        raise NoWayInError(Reason.SERVER_NOT_READY, f"The server is not ready: it answers {status}")
    if status >= 300:
        words = f"What answers at the address is not Elasticsearch: it answers {status}"
        raise NoWayInError(Reason.CONNECTION_FAILED, words)


def no_answer() -> NoWayInError:
    """The error to raise when the time is up."""
    words = "The server did not answer in time: look at host and port, and at firewalls and network policies in between"
    return NoWayInError(Reason.NO_ANSWER, words)


def unreachable(error: Exception) -> NoWayInError:
    """The error to raise for one of a socket, of TLS or of HTTP."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return _of_tls(error.certificate_error)
        case aiohttp.ClientConnectorDNSError() | socket.gaierror() | UnicodeError():
            words = "The host name is not known: look at host, and at the cluster's DNS"
            return NoWayInError(Reason.HOST_UNKNOWN, words)
        case aiohttp.ClientConnectorError():
            return _of_socket(error.os_error)
        case aiohttp.ServerTimeoutError():
            return no_answer()
        case aiohttp.ClientResponseError():
            words = "What listens at the address speaks no HTTP: is it https, not http?"
            return NoWayInError(Reason.CONNECTION_FAILED, words)
        case aiohttp.ServerDisconnectedError():
            words = "The server closed the connection without an answer: is it https, not http (options scheme)?"
            return NoWayInError(Reason.CONNECTION_FAILED, words)
        case aiohttp.InvalidURL() | ValueError():
            return NoWayInError(Reason.INVALID_SPEC, "The address is none: it looks like https://host:9200")
    return NoWayInError(Reason.CONNECTION_FAILED, "The connection was lost")


def _of_socket(error: OSError) -> NoWayInError:
    if isinstance(error, ssl.SSLError):
        return _of_tls(error)
    if isinstance(error, ConnectionRefusedError):
        return NoWayInError(Reason.CONNECTION_REFUSED, _LISTEN)
    if isinstance(error, TimeoutError):
        return no_answer()
    if error.errno in {errno.EHOSTUNREACH, errno.ENETUNREACH}:
        return NoWayInError(Reason.CONNECTION_FAILED, "There is no route to the server")
    return NoWayInError(Reason.CONNECTION_FAILED, "The connection was lost")


def _of_tls(error: Exception) -> NoWayInError:
    if isinstance(error, ssl.SSLCertVerificationError):
        words = _CERTIFICATE.get(error.verify_code, "The server's certificate is signed by nobody we trust: give ca")
    elif isinstance(error, ssl.SSLError) and error.reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST"}:
        words = "What listens at the address speaks no TLS: is it http, not https (options scheme)?"
    else:
        words = "No TLS connection could be agreed upon"
    return NoWayInError(Reason.TLS_FAILED, words)
