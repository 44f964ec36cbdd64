"""Elasticsearch's errors in words: what a person reads, and whether the run goes on."""

import http.client
import json
import socket
import ssl

import pytest

from headrace.errors import CredentialsError, PermanentError, TransientError
from headrace_runner.targets.elasticsearch.problems import complaint_of, unreachable

HOST = "search.internal"


def error(kind, reason="", **more):
    return json.dumps({"error": {"type": kind, "reason": reason, **more}, "status": 0}).encode()


def certificate(code):
    fault = ssl.SSLCertVerificationError(1, f"certificate is not valid for {HOST!r}")
    fault.verify_code = code
    return fault


def tls(reason):
    fault = ssl.SSLError(1, f"[SSL: {reason}] {HOST}")
    fault.reason = reason
    return fault


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (
            401,
            error("security_exception", "unable to authenticate"),
            CredentialsError,
            "API key, or user name.*unable to",
        ),
        (
            403,
            error("security_exception", "action [x] is unauthorized"),
            PermanentError,
            "privilege is missing.*action",
        ),
        (404, error("index_not_found_exception", "no such index [films]"), TransientError, r"no such index \[films\]"),
        (400, error("index_closed_exception", "closed"), PermanentError, "index is closed"),
        (429, error("cluster_block_exception", "[12/disk usage exceeded flood-stage"), PermanentError, "disk is full"),
        (
            403,
            error("cluster_block_exception", "[FORBIDDEN/8/index write (api)]"),
            PermanentError,
            "may not be written",
        ),
        (
            400,
            error("x", "Limit of total fields [3] has been exceeded"),
            PermanentError,
            "mapping is full.*total_fields",
        ),
        (413, b"", PermanentError, "greater than the server"),
        (301, b"", PermanentError, "redirects"),
        (400, b"<html>", PermanentError, "400, which is no answer of Elasticsearch's"),
        (404, b"<html>", PermanentError, "404, which is no answer of Elasticsearch's"),
        (405, b'{"error":"Incorrect HTTP method"}', PermanentError, "Incorrect HTTP method"),
        (406, error("media_type_header_exception", "Invalid media-type"), PermanentError, "Invalid media-type"),
        (429, error("es_rejected_execution_exception", f"rejected by {HOST}"), TransientError, "more to do than"),
        (429, b"", TransientError, "429"),
        (503, error("cluster_block_exception", "state not recovered"), TransientError, "starting, or has no master"),
        (503, error("master_not_discovered_exception"), TransientError, "no master"),
        (502, f"<html>{HOST}".encode(), TransientError, "502"),
        (503, b"", TransientError, "503"),
        (504, b"", TransientError, "504"),
        (
            500,
            error("remote_transport_exception", f"[{HOST}][127.0.0.1:9300]"),
            TransientError,
            "500, remote_transport",
        ),
    ],
    ids=str,
)
def test_an_answer_that_is_no_success_is_said_in_words(status, body, kind, words):
    problem = complaint_of(status, body).translate()
    assert type(problem) is kind
    with pytest.raises(kind, match=words):
        raise problem
    assert HOST not in problem.message
    assert problem.message.startswith("Elasticsearch: ")


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (socket.gaierror(-2, f"Name or service not known {HOST}"), TransientError, "host name is not known"),
        (ConnectionRefusedError(111, HOST), TransientError, "nothing listens"),
        (TimeoutError(HOST), TransientError, "did not answer in time"),
        (ConnectionResetError(104, HOST), TransientError, "connection was lost"),
        (OSError(113, HOST), TransientError, "no route"),
        (http.client.RemoteDisconnected(HOST), TransientError, "connection was lost"),
        (http.client.IncompleteRead(b"", 3), TransientError, "cut off"),
        (http.client.BadStatusLine("\x15\x03"), TransientError, "is it https"),
        (tls("WRONG_VERSION_NUMBER"), PermanentError, "is it http, not https"),
        (tls("UNEXPECTED_EOF_WHILE_READING"), TransientError, "TLS connection was lost"),
        (certificate(62), CredentialsError, "for another host name"),
        (certificate(10), CredentialsError, "expired"),
        (certificate(20), CredentialsError, "nobody we trust: give the CA"),
        (certificate(18), CredentialsError, "nobody we trust: give the CA"),
    ],
    ids=repr,
)
def test_a_fault_on_the_way_is_said_in_words_without_a_host_name(fault, kind, words):
    problem = unreachable(fault)
    assert type(problem) is kind
    with pytest.raises(kind, match=words):
        raise problem
    assert HOST not in problem.message


def test_what_the_parser_says_of_its_own_place_is_left_out():
    body = error("x_content_parse_exception", '[1:2] Unexpected character\n at [Source: (byte[])"{bad"; line: 1]')
    assert str(complaint_of(400, body)) == "[1:2] Unexpected character"


def test_a_reason_is_no_novel():
    assert len(str(complaint_of(400, error("x", "y" * 5000)))) < 700
