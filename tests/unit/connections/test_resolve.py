"""From a source or destination and its Secrets to what a client connects with."""

import json
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict

from headrace.connections.problem import NoWayInError
from headrace.connections.resolve import PostgresAccess, SearchAccess, resolve
from headrace.connections.secrets import Secrets, SecretSeen, secret_names
from headrace.model.conditions import Reason
from headrace.model.destination import DestinationSpec
from headrace.model.source import SourceSpec

LABELLED = {"headrace.dev/credentials": "true"}
CA = "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----"
PLAIN: dict[str, Any] = {"name": "shop", "host": "db.example", "database": "shop"}
PLAIN_WHOLE: dict[str, Any] = {"name": "whole", "connectionSecret": {"name": "p", "key": "dsn"}}


def secrets(**found: SecretSeen | None) -> Secrets:
    return Secrets({name.replace("_", "-"): secret for name, secret in found.items()}, installation="headrace-dsn")


def parameters(spec: dict[str, Any], known: Secrets) -> dict[str, str]:
    access = resolve(SourceSpec.model_validate(spec), known)
    assert isinstance(access, PostgresAccess)
    return {name: str(value) for name, value in conninfo_to_dict(access.conninfo()).items()}


@pytest.mark.parametrize(
    ("spec", "secret", "expected"),
    [
        (PLAIN, None, {"host": "db.example", "port": "5432", "dbname": "shop"}),
        (
            PLAIN | {"port": 6432, "username": "reader", "passwordSecret": {"name": "p"}},
            SecretSeen(LABELLED, {"password": "it's \\ a b"}),
            {"host": "db.example", "port": "6432", "dbname": "shop", "user": "reader", "password": "it's \\ a b"},
        ),
        (
            PLAIN | {"passwordSecret": {"name": "p", "key": "word"}},
            SecretSeen(LABELLED, {"word": "x\n", "username": "beside\n"}),
            {"host": "db.example", "port": "5432", "dbname": "shop", "user": "beside", "password": "x"},
        ),
        (
            PLAIN | {"username": "own", "passwordSecret": {"name": "p"}},
            SecretSeen(LABELLED, {"password": "x", "username": "beside"}),
            {"host": "db.example", "port": "5432", "dbname": "shop", "user": "own", "password": "x"},
        ),
        (
            PLAIN | {"options": {"sslmode": "verify-full", "connect_timeout": "5"}},
            None,
            {"host": "db.example", "port": "5432", "dbname": "shop", "sslmode": "verify-full", "connect_timeout": "5"},
        ),
        (
            {"name": "whole", "connectionSecret": {"name": "p", "key": "dsn"}, "options": {"sslmode": "require"}},
            SecretSeen(LABELLED, {"dsn": "postgresql://a:b%40c@h:1/d?sslmode=disable"}),
            {"host": "h", "port": "1", "dbname": "d", "user": "a", "password": "b@c", "sslmode": "require"},
        ),
    ],
)
def test_what_libpq_is_given(spec: dict[str, Any], secret: SecretSeen | None, expected: dict[str, str]) -> None:
    assert parameters(spec, secrets(p=secret)) == expected


@pytest.mark.parametrize(
    ("spec", "secret", "reason", "words"),
    [
        ({"passwordSecret": {"name": "p"}}, None, Reason.SECRET_MISSING, "the Secret 'p' does not exist"),
        (
            {"passwordSecret": {"name": "p", "key": "k"}},
            SecretSeen(LABELLED, {"password": "x"}),
            Reason.SECRET_MISSING,
            "the Secret 'p' has no key 'k'",
        ),
        (
            {"passwordSecret": {"name": "p"}},
            SecretSeen({}, {"password": "x"}),
            Reason.SECRET_NOT_ALLOWED,
            "the Secret 'p' lacks the label headrace.dev/credentials: \"true\"",
        ),
        (
            {"options": {"sslmode": "verify"}},
            None,
            Reason.INVALID_SPEC,
            "options: the value of 'sslmode' is not one that it takes",
        ),
        (
            {"ca": CA, "options": {"sslmode": "require"}},
            None,
            Reason.INVALID_SPEC,
            "ca needs sslmode verify-ca or verify-full",
        ),
        (
            {"host": None, "database": None, "connectionSecret": {"name": "p", "key": "dsn"}, "ca": CA},
            SecretSeen(LABELLED, {"dsn": "postgresql://h/d?sslmode=prefer"}),
            Reason.INVALID_SPEC,
            "ca needs sslmode verify-ca or verify-full",
        ),
        ({"host": None}, None, Reason.INVALID_SPEC, "host and database are needed, or a connectionSecret"),
        (
            {"host": None, "database": None, "connectionSecret": {"name": "p", "key": "k"}},
            SecretSeen(LABELLED, {"k": "postgresql://u:hunter2/@h"}),
            Reason.INVALID_SPEC,
            (
                "the key 'k' of the Secret 'p' is neither a libpq URL (special characters escaped) nor a list of"
                " key=value pairs"
            ),
        ),
    ],
)
def test_why_there_is_no_way_in(spec: dict[str, Any], secret: SecretSeen | None, reason: Reason, words: str) -> None:
    asked = {name: value for name, value in (PLAIN | spec).items() if value is not None}
    with pytest.raises(NoWayInError) as caught:
        resolve(SourceSpec.model_validate(asked), secrets(p=secret))
    assert (caught.value.reason, caught.value.message) == (reason, words)


@pytest.mark.parametrize(
    "torn",
    [
        "postgres://u:p@hunter2@host/db",
        "postgres://u:12/hunter2@host/db",
        "postgres://u:hunter2/x@host/db",
        "host=h dbname='postgres://u:hunter2@h2/db'",
        "host=h user='postgres://u:hunter2@h2/db'",
        "host=u:hunter2@h dbname=d",
    ],
)
def test_a_password_that_was_not_escaped_is_shown_nowhere(torn: str) -> None:
    """A part of it stands where host or database are looked for."""
    known = secrets(p=SecretSeen(LABELLED, {"dsn": torn}))
    with pytest.raises(NoWayInError) as caught:
        parameters({"name": "s", "connectionSecret": {"name": "p", "key": "dsn"}}, known)
    assert caught.value.reason == Reason.INVALID_SPEC
    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize(
    "whole",
    ["host=a,b port=1,2 dbname=d", "postgresql:///d?host=/run/pg", "postgresql://u%40corp:p@[::1]:5432/d", "dbname=d"],
)
def test_what_libpq_takes_besides_one_host_is_taken(whole: str) -> None:
    known = secrets(p=SecretSeen(LABELLED, {"dsn": whole}))
    assert parameters({"name": "s", "connectionSecret": {"name": "p", "key": "dsn"}}, known)["dbname"] == "d"


@pytest.mark.parametrize(
    "url",
    ["https://u:12/hunter2@host", "https://u:hunter2/@host", "host:9200", "https://h:x", "ftp://h", "https://h h"],
)
def test_a_url_that_is_none_is_shown_nowhere(url: str) -> None:
    known = secrets(p=SecretSeen(LABELLED, {"s-url": url}))
    asked = {"name": "s", "type": "elasticsearch", "connectionSecret": {"name": "p", "key": "s"}}
    with pytest.raises(NoWayInError) as caught:
        resolve(DestinationSpec.model_validate(asked), known)
    assert caught.value.message == "the key 's-url' of the Secret 'p' is no URL such as https://host:9200"


def test_a_secret_that_was_made_for_another_source_is_not_usable() -> None:
    """Or else whoever may make a source could have another one's password sent to a host of theirs."""
    owners = [{"kind": "EtlSource", "uid": "mine"}, {"kind": "Job", "uid": "x"}]
    manifest = {"metadata": {"labels": LABELLED, "ownerReferences": owners}, "data": {"password": "eA=="}}
    spec = SourceSpec.model_validate(PLAIN | {"passwordSecret": {"name": "p"}})
    for user, allowed in (("mine", True), ("yours", False)):
        known = Secrets({"p": SecretSeen.of(manifest)}, "headrace-dsn", user)
        if allowed:
            resolve(spec, known)
            continue
        with pytest.raises(NoWayInError) as caught:
            resolve(spec, known)
        words = "the Secret 'p' belongs to another EtlSource: make one for both"
        assert (caught.value.reason, caught.value.message) == (Reason.SECRET_NOT_ALLOWED, words)


def test_of_the_installations_own_secret_only_source_and_targets_are_usable_without_a_label() -> None:
    known = secrets(headrace_dsn=SecretSeen({}, {"source": "host=s dbname=d", "store": "host=store dbname=x"}))
    reference = {"name": "headrace-dsn", "key": "source"}
    assert parameters({"name": "default", "connectionSecret": reference}, known) == {"host": "s", "dbname": "d"}
    for spec in (
        {"name": "thief", "connectionSecret": {"name": "headrace-dsn", "key": "store"}},
        PLAIN | {"passwordSecret": {"name": "headrace-dsn", "key": "source"}},
    ):
        with pytest.raises(NoWayInError) as caught:
            parameters(spec, known)
        assert caught.value.reason == Reason.SECRET_NOT_ALLOWED, spec


@pytest.mark.parametrize(
    ("spec", "secret", "expected"),
    [
        (
            {"host": "search.example", "username": "u", "passwordSecret": {"name": "p"}},
            SecretSeen(LABELLED, {"password": "x"}),
            {"url": "https://search.example:9200", "username": "u", "password": "x"},
        ),
        (
            {"host": "::1", "port": 9201, "options": {"scheme": "http"}, "passwordSecret": {"name": "p"}},
            SecretSeen(LABELLED, {"password": "key"}),
            {"url": "http://[::1]:9201", "api_key": "key"},
        ),
        (
            {"connectionSecret": {"name": "p", "key": "search"}},
            SecretSeen(LABELLED, {"search-url": "https://h", "search-api-key": "k", "search-verify": "false"}),
            {"url": "https://h", "api_key": "k", "verify": "false"},
        ),
    ],
)
def test_what_an_elasticsearch_client_is_given(spec: dict[str, Any], secret: SecretSeen, expected: Any) -> None:
    asked = DestinationSpec.model_validate({"name": "search", "type": "elasticsearch"} | spec)
    access = resolve(asked, secrets(p=secret))
    assert isinstance(access, SearchAccess)
    assert json.loads(access.to_json()) == expected


def test_no_password_is_in_what_is_shown() -> None:
    known = secrets(p=SecretSeen(LABELLED, {"password": "hunter2", "s-url": "https://u:hunter2@h:1", "dsn": "x"}))
    postgres = resolve(SourceSpec.model_validate(PLAIN | {"passwordSecret": {"name": "p"}}), known)
    reference = {"name": "p", "key": "s"}
    search = resolve(
        DestinationSpec.model_validate({"name": "s", "type": "elasticsearch", "connectionSecret": reference}), known
    )
    assert "hunter2" not in f"{postgres!r}{postgres.seen!r}{search!r}{search.seen!r}{known!r}"
    assert search.seen.manifest() == {"host": "h", "port": 1, "username": "u"}
    with_key = SearchAccess({"url": "http://u:hunter2@h:1", "username": "u", "api_key": "hunter2"})
    assert with_key.seen.manifest() == {"host": "h", "port": 1}
    assert postgres.seen.manifest() == {"host": "db.example", "port": 5432, "database": "shop"}


def test_a_certificate_reaches_libpq_by_a_file() -> None:
    access = resolve(SourceSpec.model_validate(PLAIN | {"ca": CA}), secrets())
    assert isinstance(access, PostgresAccess)
    assert conninfo_to_dict(access.conninfo(ca_file="/run/ca.pem"))["sslrootcert"] == "/run/ca.pem"
    assert access.ca == CA


@pytest.mark.parametrize(
    ("spec", "sslmode"),
    [
        (PLAIN | {"ca": CA}, "verify-full"),
        (PLAIN | {"ca": CA, "options": {"sslmode": "verify-ca"}}, "verify-ca"),
        (PLAIN | {"ca": CA, "options": {"sslmode": "verify-full"}}, "verify-full"),
        ({"name": "w", "ca": CA, "connectionSecret": {"name": "p", "key": "plain"}}, "verify-full"),
        ({"name": "w", "ca": CA, "connectionSecret": {"name": "p", "key": "strict"}}, "verify-ca"),
        (PLAIN, None),
    ],
)
def test_with_certificates_the_server_has_to_show_one_of_theirs(spec: dict[str, Any], sslmode: str | None) -> None:
    strict = "postgresql://h/d?sslmode=verify-ca&sslrootcert=/etc/theirs.pem"
    known = secrets(p=SecretSeen(LABELLED, {"plain": "postgresql://h/d", "strict": strict}))
    access = resolve(SourceSpec.model_validate(spec), known)
    assert isinstance(access, PostgresAccess)
    given = conninfo_to_dict(access.conninfo(ca_file="/run/ca.pem"))
    assert (given.get("sslmode"), given.get("sslrootcert")) == (sslmode, "/run/ca.pem" if access.ca else None)


def test_which_rows_are_read_is_told_only_to_who_reads_them() -> None:
    """It is no parameter of libpq's, and a pooler need not take it: the operator's own visits are without it."""
    access = resolve(SourceSpec.model_validate(PLAIN | {"options": {"row_security": "on"}}), secrets())
    assert isinstance(access, PostgresAccess)
    assert "options" not in conninfo_to_dict(access.conninfo())
    assert conninfo_to_dict(access.conninfo(reads_rows=True))["options"] == "-c row_security=on"
    whole = PLAIN_WHOLE | {"options": {"row_security": "off"}}
    known = secrets(p=SecretSeen(LABELLED, {"dsn": "postgresql://h/d?options=-c%20work_mem%3D1MB"}))
    access = resolve(SourceSpec.model_validate(whole), known)
    assert isinstance(access, PostgresAccess)
    given = conninfo_to_dict(access.conninfo(reads_rows=True))
    assert given["options"] == "-c work_mem=1MB -c row_security=off"


@pytest.mark.parametrize(
    ("options", "sent"), [("-c row_security=on", None), ("-c work_mem=1MB -c row_security=on", "-c work_mem=1MB")]
)
def test_what_a_connection_string_says_of_rows_is_not_told_to_others_either(options: str, sent: str | None) -> None:
    known = secrets(p=SecretSeen(LABELLED, {"dsn": f"host=h dbname=d options='{options}'"}))
    access = resolve(SourceSpec.model_validate(PLAIN_WHOLE), known)
    assert isinstance(access, PostgresAccess)
    assert conninfo_to_dict(access.conninfo()).get("options") == sent
    assert conninfo_to_dict(access.conninfo(reads_rows=True))["options"] == options


def test_the_secrets_to_read_are_known_from_the_specification() -> None:
    reference = {"name": "b", "key": "k"}
    assert secret_names(SourceSpec.model_validate(PLAIN | {"passwordSecret": {"name": "a"}})) == ["a"]
    assert secret_names(SourceSpec.model_validate({"name": "x", "connectionSecret": reference})) == ["b"]
    assert secret_names(SourceSpec.model_validate(PLAIN)) == []


def test_a_secret_is_read_as_kubernetes_gives_it() -> None:
    manifest = {"metadata": {"name": "p", "labels": LABELLED}, "data": {"a": "eA==", "b": "/w==", "c": "!"}}
    assert SecretSeen.of(manifest) == SecretSeen(LABELLED, {"a": "x"})
    assert SecretSeen.of({"metadata": {}}) == SecretSeen()
