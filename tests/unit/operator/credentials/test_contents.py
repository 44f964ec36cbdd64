"""What is in a run's Secret, and what of it another password or certificate changes."""

import json

import pytest
from psycopg.conninfo import conninfo_to_dict

from headrace.connections.resolve import PostgresAccess, SearchAccess
from headrace.errors import HeadraceError
from headrace_operator.credentials.contents import contents, renewed

PEM = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"


def postgres(*, ca=None, row_security=None, **changes):
    given = {"host": "db.example", "port": "5432", "dbname": "films", "user": "reader", "password": "it's \\ old"}
    return PostgresAccess({k: v for k, v in (given | changes).items() if v is not None}, ca, row_security)


def search(**changes):
    given = {"url": "https://search.example:9200", "username": "writer", "password": "old", "verify": "true"}
    return SearchAccess({k: v for k, v in (given | changes).items() if v is not None})


def test_a_run_into_a_table_has_two_connection_strings():
    found = contents(postgres(), postgres(host="dwh.example"))
    assert found.keys() == {"source", "target"}
    assert conninfo_to_dict(found["source"])["password"] == "it's \\ old"
    assert conninfo_to_dict(found["target"])["host"] == "dwh.example"


def test_the_runner_is_told_that_hidden_rows_are_meant_to_be_left_out():
    access = PostgresAccess({"host": "db.example"}, row_security="on")
    assert conninfo_to_dict(contents(access, postgres())["source"])["options"] == "-c row_security=on"


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
    "options are not taken": ({"password": "new", "application_name": "x"}, {"password": "new"}),
    "how sure we are of whom we talk to": ({"sslmode": "require"}, {"sslmode": "require"}),
}


@pytest.mark.parametrize(("changes", "seen"), CHANGES.values(), ids=CHANGES)
def test_another_login_is_put_in_and_nothing_else(changes, seen):
    old = contents(postgres(ca=PEM), postgres(host="dwh.example"))
    new = renewed(old, source=postgres(ca=PEM, **changes))
    assert new.keys() == {"source"}
    before, after = conninfo_to_dict(old["source"]), conninfo_to_dict(new["source"])
    assert after == {k: v for k, v in (before | seen).items() if v is not None}


@pytest.mark.parametrize(
    ("options", "before", "after", "seen"),
    [
        (None, None, "on", "-c row_security=on"),
        ("-c work_mem=1MB", None, "on", "-c work_mem=1MB -c row_security=on"),
        (None, "on", "off", "-c row_security=off"),
        (None, "on", None, ""),
    ],
)
def test_which_rows_are_meant_reaches_a_run_that_is_paused(options, before, after, seen):
    old = contents(postgres(row_security=before, options=options), postgres(host="dwh.example"))
    new = renewed(old, source=postgres(row_security=after, options="-c work_mem=2MB"))
    assert conninfo_to_dict(new["source"])["options"] == seen
    assert renewed(old | new, source=postgres(row_security=after)) == {}


def test_a_target_is_not_told_which_rows_are_read():
    found = contents(postgres(), postgres(host="dwh.example", options="-c row_security=on"))
    assert "options" not in conninfo_to_dict(found["target"])


OTHER_PEM = PEM.replace("AA==", "AAAA")
PATH = "/etc/headrace/connections/source-ca.pem"


@pytest.mark.parametrize(
    ("before", "after", "keys", "path"),
    [
        (PEM, OTHER_PEM, {"source-ca.pem"}, PATH),
        (None, PEM, {"source", "source-ca.pem"}, PATH),
        (PEM, None, {"source"}, None),
        (PEM, PEM, set(), PATH),
    ],
    ids=["another", "a first", "none any more", "the same"],
)
def test_other_certificates_reach_a_run_that_is_at_work(before, after, keys, path):
    mode = {"sslmode": "verify-full"}
    old = contents(postgres(ca=before, **mode if before else {}), postgres(host="dwh.example"))
    new = renewed(old, source=postgres(ca=after, **mode if after else {}))
    assert new.keys() == keys
    found = old | new
    assert after is None or found["source-ca.pem"] == after
    given = conninfo_to_dict(found["source"])
    assert (given.get("sslrootcert"), given.get("sslmode")) == (path, "verify-full" if after else None)


def test_other_certificates_of_an_index_reach_a_run_that_is_at_work():
    new = renewed(contents(postgres(), search(ca=PEM)), destination=search(ca=OTHER_PEM, verify=None))
    assert json.loads(new["elasticsearch"]) == search(ca=OTHER_PEM, verify=None).settings


DAMAGED = {
    "source": "postgresql://reader:hunter2@[db",
    "elasticsearch": "hunter2",
    "a list": "[1]",
    "no address": "{}",
    "a number": '{"url": 1}',
}


@pytest.mark.parametrize("case", DAMAGED)
def test_what_somebody_damaged_is_told_without_quoting_it(case):
    key = "source" if case == "source" else "elasticsearch"
    with pytest.raises(HeadraceError) as caught:
        renewed({key: DAMAGED[case]}, source=postgres(), destination=search())
    assert f"the key '{key}' of the run's Secret can't be read" in caught.value.message
    assert caught.value.__suppress_context__


def test_a_destination_whose_own_address_is_damaged_leaves_runs_as_they_are():
    """Their Secrets are not to blame."""
    old = contents(postgres(), search())
    assert renewed(old, destination=search(url="https://[h:9200")) == {}


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
    new = renewed(old, destination=search(username=None, password=None, api_key="key"))
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
