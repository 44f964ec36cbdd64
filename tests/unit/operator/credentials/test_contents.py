"""What is in a run's Secret, and what of it another password changes."""

import json

import pytest
from psycopg.conninfo import conninfo_to_dict

from headrace.connections.resolve import PostgresAccess, SearchAccess
from headrace_operator.credentials.contents import contents, renewed

PEM = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"


def postgres(*, ca=None, **changes):
    given = {"host": "db.example", "port": "5432", "dbname": "films", "user": "reader", "password": "it's \\ old"}
    return PostgresAccess({k: v for k, v in (given | changes).items() if v is not None}, ca)


def search(**changes):
    given = {"url": "https://search.example:9200", "username": "writer", "password": "old", "verify": "true"}
    return SearchAccess({k: v for k, v in (given | changes).items() if v is not None})


def test_a_run_into_a_table_has_two_connection_strings():
    found = contents(postgres(), postgres(host="dwh.example"))
    assert found.keys() == {"source", "target"}
    assert conninfo_to_dict(found["source"])["password"] == "it's \\ old"
    assert conninfo_to_dict(found["target"])["host"] == "dwh.example"


def test_certificates_lie_beside_the_string_that_points_to_them():
    found = contents(postgres(ca=PEM), postgres(ca=PEM))
    assert found.keys() == {"source", "source-ca.pem", "target", "target-ca.pem"}
    assert found["target-ca.pem"] == PEM
    paths = [conninfo_to_dict(found[key])["sslrootcert"] for key in ("source", "target")]
    assert paths == ["/etc/headrace/connections/source-ca.pem", "/etc/headrace/connections/target-ca.pem"]


def test_a_run_into_an_index_has_what_the_runner_reads_of_it():
    found = contents(postgres(), search())
    assert found.keys() == {"source", "elasticsearch"}
    assert json.loads(found["elasticsearch"]) == search().settings


def test_a_preview_without_a_target_has_a_source_only():
    assert contents(postgres(), None).keys() == {"source"}


CHANGES = {
    "a password": ({"password": "new"}, {"password": "new"}),
    "a user": ({"user": "other", "password": "new"}, {"user": "other", "password": "new"}),
    "no password any more": ({"password": None}, {"password": None}),
    "the usual port left out": ({"password": "new", "port": None}, {"password": "new"}),
    "another database is not taken": ({"password": "new", "dbname": "archive"}, {"password": "new"}),
    "options are not taken": ({"password": "new", "sslmode": "require"}, {"password": "new"}),
}


@pytest.mark.parametrize(("changes", "seen"), CHANGES.values(), ids=CHANGES)
def test_another_login_is_put_in_and_nothing_else(changes, seen):
    old = contents(postgres(ca=PEM), postgres(host="dwh.example"))
    new = renewed(old, source=postgres(**changes))
    assert new.keys() == {"source"}
    before, after = conninfo_to_dict(old["source"]), conninfo_to_dict(new["source"])
    assert after == {k: v for k, v in (before | seen).items() if v is not None}


OTHER_ROLE_ELSEWHERE = {"dbname": "archive", "user": "other"}


@pytest.mark.parametrize(
    "place", [{"host": "other.example"}, {"port": "6432"}, {"host": None}, OTHER_ROLE_ELSEWHERE], ids=str
)
def test_the_login_of_another_server_is_not_for_the_one_that_the_run_talks_to(place):
    old = contents(postgres(), search())
    assert renewed(old, source=postgres(password="new", **place)) == {}
    assert renewed(old, destination=search(password="new", url="https://other.example")) == {}


def test_what_is_equal_changes_nothing():
    old = contents(postgres(), postgres(host="dwh.example"))
    assert renewed(old, source=postgres(), destination=postgres(host="dwh.example")) == {}


def test_an_index_gets_another_login_too():
    old = contents(postgres(), search())
    new = renewed(old, destination=search(username=None, password=None, api_key="key", verify=None))
    expected = {"url": "https://search.example:9200", "verify": "true", "api_key": "key"}
    assert {key: json.loads(value) for key, value in new.items()} == {"elasticsearch": expected}


def test_an_index_whose_login_lies_in_the_url_gets_another_one_too():
    old = contents(postgres(), search(url="https://u:old@search.example:9200", username=None, password=None))
    url = "https://u:new@search.example:9200"
    new = renewed(old, destination=search(url=url, username=None, password=None))
    assert json.loads(new["elasticsearch"])["url"] == url
    elsewhere = "https://u:new@other.example:9200"
    assert renewed(old, destination=search(url=elsewhere, username=None, password=None)) == {}


def test_a_destination_of_another_kind_is_none_of_the_runs():
    assert renewed(contents(postgres(), search()), destination=postgres(password="new")) == {}
