"""An error of a connection attempt as the condition Ready shows it: a reason, and words that say what to do."""

import re

import psycopg

from headrace.connections.problem import NoWayInError
from headrace.model.conditions import Reason
from headrace.postgres.faults import Refusal
from headrace.postgres.problems import describe, refusal, unquoted

_TLS: tuple[tuple[str, str], ...] = (
    # libpq's words, which name files and hosts: the first row wins.
    (r"does not support SSL", "the server speaks no TLS: only sslmode disable, allow or prefer do without"),
    (r"does not match host name", "the server's certificate is for another host name: sslmode=verify-ca minds no name"),
    (
        r"root certificate file .* does not exist|weak sslmode",
        "nothing is there to verify the server's certificate by: give ca, or set sslmode=verify-full",
    ),
    (r"could not (read|load) .*certificate|no certificate or crl", "there is no certificate that can be read in ca"),
    (r"expired", "the server's certificate has expired"),
    (
        r"certificate verify failed|signature failure|self.signed|unable to get",
        "the server's certificate was signed by nobody whom we trust: ca has to hold who signed it",
    ),
    (r"certificate (is )?required|client certificate", "the server asks for a client's certificate, which we have not"),
    (r"channel binding", "the server can't bind the channel: set channel_binding=prefer"),
)
_REMEDIES: dict[Refusal, str] = {
    Refusal.HOST_UNKNOWN: "look at host, and at the cluster's DNS",
    Refusal.CONNECTION_REFUSED: "look at host and port, and whether the server listens there",
    Refusal.NO_ANSWER: "look at host and port, and at firewalls and network policies in between",
    Refusal.LOGIN_REFUSED: "look at username and the Secret with the password",
    Refusal.DATABASE_MISSING: "look at database",
    Refusal.TOO_MANY_CONNECTIONS: "lower maxConnections here, or raise max_connections there",
}
_REASONS = {reason.value: reason for reason in Reason}
_NO_ENCRYPTION = "no encryption"
SILENCE = "the server did not answer in time"


def no_way_in(error: psycopg.Error) -> NoWayInError:
    """The error to raise instead; it names no host, address or password."""
    why = refusal(error)
    if why is Refusal.TLS_FAILED:
        return _refused(why, _tls_words(unquoted(error)) or describe(error), None)
    remedy = _REMEDIES.get(why)
    if why is Refusal.LOGIN_REFUSED and _NO_ENCRYPTION in unquoted(error):
        remedy = "if it asks for TLS, set sslmode=require"
    return _refused(why, describe(error), remedy)


def no_answer() -> NoWayInError:
    """The error to raise when the time is up."""
    return _refused(Refusal.NO_ANSWER, SILENCE, _REMEDIES[Refusal.NO_ANSWER])


def _refused(why: Refusal, words: str, remedy: str | None) -> NoWayInError:
    sentence = f"{words[:1].upper()}{words[1:]}"
    return NoWayInError(_REASONS[why.value], f"{sentence}: {remedy}" if remedy else sentence)


def _tls_words(text: str) -> str | None:
    return next((words for pattern, words in _TLS if re.search(pattern, text, re.IGNORECASE)), None)
