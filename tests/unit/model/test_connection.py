"""What a source or destination may say of how it is reached."""

from typing import Any

import pytest
from pydantic import ValidationError

from headrace.model.connection import POSTGRES_OPTIONS, ConnectionType, why_no_host, why_not_option
from headrace.model.destination import DestinationSpec
from headrace.model.source import SourceSpec

ALONE = "give the server's name or address alone"


@pytest.mark.parametrize(
    "host",
    ["db", "db.example.com", "db.example.com.", "10.0.0.1", "::1", "fe80::1", "a_b", "my-db-0.my-db.ns.svc", "x" * 63],
)
def test_names_and_addresses_are_hosts(host: str) -> None:
    assert why_no_host(host) is None
    assert SourceSpec(name="s", host=host, database="d").host == host


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("postgresql://u:hunter2@db/x", f"{ALONE}: username and password have fields of their own"),
        ("u:hunter2@db", f"{ALONE}: username and password have fields of their own"),
        ("https://db", f"{ALONE}, without a scheme or a path"),
        ("db/path", f"{ALONE}, without a scheme or a path"),
        ("/var/run/postgresql", f"{ALONE}, without a scheme or a path"),
        ("db:5432", f"{ALONE}: the port has a field of its own"),
        ("[::1]", f"{ALONE}: the port has a field of its own"),
        ("a,b", f"{ALONE}: one server, not a list"),
        ("", f"{ALONE}: 1 to 253 characters, no space"),
        (" db", f"{ALONE}: 1 to 253 characters, no space"),
        ("x" * 254, f"{ALONE}: 1 to 253 characters, no space"),
        ("-db", f"{ALONE}: letters, digits, points and hyphens"),
        ("dbé", f"{ALONE}: letters, digits, points and hyphens"),
        (".db", f"{ALONE}: letters, digits, points and hyphens"),
        ("a..b", f"{ALONE}: between its points stand 1 to 63 characters"),
        ("db..", f"{ALONE}: between its points stand 1 to 63 characters"),
        ("x" * 64, f"{ALONE}: between its points stand 1 to 63 characters"),
        (f"db.{'x' * 64}.example", f"{ALONE}: between its points stand 1 to 63 characters"),
    ],
)
def test_what_is_no_host_is_said_in_words_without_it(host: str, why: str) -> None:
    assert why_no_host(host) == why
    assert "hunter2" not in why


def test_a_zone_is_for_connection_strings_alone() -> None:
    assert why_no_host("fe80::1%eth0") is None
    with pytest.raises(ValidationError, match="without its zone"):
        SourceSpec(name="s", host="fe80::1%eth0", database="d")


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("sslmode", "verify-full", None),
        ("sslmode", "yes", "the value of 'sslmode' is not one that it takes"),
        ("connect_timeout", "5", None),
        ("connect_timeout", "0", "the value of 'connect_timeout' is not one that it takes"),
        ("application_name", "my app", None),
        ("row_security", "on", None),
        ("row_security", "maybe", "the value of 'row_security' is not one that it takes"),
        ("host", "x", f"'host' is not an option of postgres; those are {', '.join(sorted(POSTGRES_OPTIONS))}"),
        ("service", "x", f"'service' is not an option of postgres; those are {', '.join(sorted(POSTGRES_OPTIONS))}"),
        (
            "options",
            "-c x=y",
            f"'options' is not an option of postgres; those are {', '.join(sorted(POSTGRES_OPTIONS))}",
        ),
    ],
)
def test_options_are_those_on_the_list(name: str, value: str, why: str | None) -> None:
    assert why_not_option(ConnectionType.POSTGRES, name, value) == why


def test_a_destination_has_no_rows_to_leave_out() -> None:
    options = {"row_security": "on"}
    assert SourceSpec(name="s", host="h", database="d", options=options).options == options
    with pytest.raises(ValidationError, match="'row_security' is an option of sources"):
        DestinationSpec(name="d", host="h", database="d", options=options)


@pytest.mark.parametrize("name", ["password", "passfile", "sslpassword", "sslkey", "oauth_client_secret", "PGPASSWORD"])
def test_no_option_is_a_secret(name: str) -> None:
    assert name not in POSTGRES_OPTIONS
    with pytest.raises(ValidationError, match="does not belong into options"):
        SourceSpec(name="s", host="h", database="d", options={name: "hunter2"})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("port", 0),
        ("port", 65_536),
        ("type", "oracle"),
        ("type", "elasticsearch"),
        ("max_connections", 1),
        ("database", ""),
        ("database", "a\nb"),
        ("database", "dbname=x password=hunter2"),
        ("database", "postgresql://u:hunter2@h/d"),
        ("wal", {"slotBytes": 2**63}),
        ("wal", {"pressureBytes": 2**63}),
        ("wal", {"diskBytes": 2**63}),
        ("username", ""),
        ("ca", "nothing of the sort"),
        ("ca", "-----BEGIN PRIVATE KEY-----\nMII=\n-----END PRIVATE KEY-----"),
        ("password", "hunter2"),
        ("name", " x"),
    ],
)
def test_what_a_source_is_not(field: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        SourceSpec.model_validate({"name": "s", "host": "h", "database": "d", field: value})
