"""Why there is no way in, by what libpq or the server says."""

import psycopg
import pytest

from headrace.model.conditions import Reason
from headrace.postgres.faults import WORDS, Refusal
from headrace.postgres.problems import refusal
from headrace_operator.monitor.postgres_refusals import no_answer, no_way_in

HOST = "db-7.internal.example"

TEXTS = [
    (f"failed to resolve host '{HOST}': [Errno -2] Name or service not known", Refusal.HOST_UNKNOWN, "cluster's DNS"),
    ("Connection refused\n\tIs the server running?", Refusal.CONNECTION_REFUSED, "whether the server listens"),
    ("connection timeout expired", Refusal.NO_ANSWER, "firewalls"),
    ('FATAL:  password authentication failed for user "x"', Refusal.LOGIN_REFUSED, "the Secret with the password"),
    (
        f'FATAL:  no pg_hba.conf entry for host "{HOST}", user "x", database "y", no encryption',
        Refusal.LOGIN_REFUSED,
        "if it asks for TLS, set sslmode=require",
    ),
    ('FATAL:  database "x" does not exist', Refusal.DATABASE_MISSING, "look at database"),
    ("server does not support SSL, but SSL was required", Refusal.TLS_FAILED, "speaks no TLS"),
    ("SSL error: certificate verify failed", Refusal.TLS_FAILED, "ca has to hold who signed it"),
    ("SSL error: certificate has expired", Refusal.TLS_FAILED, "has expired"),
    ("FATAL:  connection requires a valid client certificate", Refusal.TLS_FAILED, "a client's certificate"),
    ("SSL error: wrong version number", Refusal.TLS_FAILED, "see sslmode"),
    (
        'root certificate file "/nonexistent/.postgresql/root.crt" does not exist\nEither provide the file',
        Refusal.TLS_FAILED,
        "give ca",
    ),
    (f'server certificate for "*.example" does not match host name "{HOST}"', Refusal.TLS_FAILED, "another host name"),
    ("FATAL:  sorry, too many clients already", Refusal.TOO_MANY_CONNECTIONS, "lower maxConnections"),
    (
        "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
        Refusal.TOO_MANY_CONNECTIONS,
        "lower maxConnections",
    ),
    ("FATAL:  the database system is starting up", Refusal.SERVER_NOT_READY, "starting or stopping"),
    ("server closed the connection unexpectedly", Refusal.CONNECTION_FAILED, "was lost"),
    ("No route to host", Refusal.CONNECTION_FAILED, "no route"),
]


@pytest.mark.parametrize(("text", "why", "words"), TEXTS, ids=[text[:40] for text, *_ in TEXTS])
def test_libpqs_words_have_a_reason_and_a_remedy(text: str, why: Refusal, words: str) -> None:
    error = psycopg.OperationalError(f'connection to server at "{HOST}", port 5432 failed: {text}')
    found = no_way_in(error)
    assert (refusal(error), found.reason.value) == (why, why.value)
    assert words in found.message
    assert HOST not in found.message


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (psycopg.errors.InvalidPassword(), Refusal.LOGIN_REFUSED),
        (psycopg.errors.InvalidCatalogName(), Refusal.DATABASE_MISSING),
        (psycopg.errors.TooManyConnections(), Refusal.TOO_MANY_CONNECTIONS),
        (psycopg.errors.CannotConnectNow(), Refusal.SERVER_NOT_READY),
        (psycopg.errors.AdminShutdown(), Refusal.SERVER_NOT_READY),
        (psycopg.errors.DatabaseDropped(), Refusal.DATABASE_MISSING),
        (psycopg.errors.InsufficientPrivilege(), Refusal.CONNECTION_FAILED),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value.value,
)
def test_a_sqlstate_decides_where_there_is_one(error: psycopg.Error, why: Refusal) -> None:
    assert refusal(error) is why


def test_each_refusal_is_a_reason_of_ready_and_is_given_by_some_words() -> None:
    assert {why.value for why in Refusal} <= {reason.value for reason in Reason}
    assert {words.refusal for words in WORDS} == set(Refusal)
    assert no_answer().reason is Reason.NO_ANSWER
