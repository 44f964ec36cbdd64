"""Sources and destinations as callers send them: what is refused, and in which words; what becomes of a password."""

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from tests.certificate import PEM

from headrace.errors import InvalidError
from headrace_api.bodies.connection import PasswordChange
from headrace_api.bodies.destination import DestinationIn
from headrace_api.bodies.source import SourceIn
from headrace_api.translate import connections as translate

SOURCE = {"name": "films", "type": "postgres", "host": "films.example.com", "database": "films"}
SEARCH = {"name": "search", "type": "elasticsearch", "host": "search.example.com"}
SECRET = "geheim-17"
KEPT = PasswordChange()
NONE = PasswordChange(keeps=False)


def parse(model, **body):
    """As a route does: the shape, then what the specification has to say."""
    sent = model.model_validate(body)
    spec = (translate.source_spec if model is SourceIn else translate.destination_spec)(sent.fields())
    return spec, sent.password_change()


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        ({"name": " films"}, "name", "match pattern"),
        ({"name": ""}, "name", "at least 1"),
        ({"type": "mysql"}, "type", "postgres"),
        ({"type": "elasticsearch"}, "type", "postgres"),
        ({"type": None}, "type", ""),
        ({"host": None}, "host", ""),
        ({"host": ""}, "host", "1 to 253"),
        ({"host": "films.example.com/films"}, "host", "path"),
        ({"host": f"postgresql://reader:{SECRET}@films.example.com"}, "host", "username and password"),
        ({"host": f"reader:{SECRET}@films.example.com"}, "host", "username and password"),
        ({"host": "films.example.com:5432"}, "host", "port"),
        ({"host": "a b"}, "host", "no space"),
        ({"host": "a,b"}, "host", "one server"),
        ({"port": 0}, "port", "greater"),
        ({"port": 65536}, "port", "less"),
        ({"port": "5432"}, "port", "integer"),
        ({"port": True}, "port", "integer"),
        ({"database": None}, "database", ""),
        ({"database": ""}, "database", ""),
        ({"database": "a\x00b"}, "database", "control"),
        ({"database": f"postgresql://u:{SECRET}@h/d"}, "database", "no URL"),
        ({"database": f"dbname=x password={SECRET}"}, "database", "no connection string"),
        ({"database": f"password = {SECRET}"}, "database", "no connection string"),
        ({"username": f"postgresql://u:{SECRET}@h/d"}, "username", "no URL"),
        ({"username": ""}, "username", ""),
        ({"password": ""}, "password", "null removes"),
        ({"password": f"{SECRET}\n"}, "password", "control characters"),
        ({"password": f"{SECRET}\x00"}, "password", "control characters"),
        ({"password": f"{SECRET}\ud800"}, "password", "control characters"),
        ({"password": SECRET * 1000}, "password", "4096"),
        ({"password": [SECRET]}, "password", "string"),
        ({"password": SECRET, "password_secret": {"name": "a"}}, "password_secret", "not both"),
        ({"password_secret": {"name": "A/b"}}, "password_secret", "match pattern"),
        ({"password_secret": {"name": "a", "password": SECRET}}, "password_secret", "not permitted"),
        ({"connection_secret": {"name": "headrace-dsn", "key": "store"}}, "connection_secret", "not permitted"),
        ({"options": {"password": SECRET}}, "options", "field of its own; options of postgres are"),
        ({"options": {"passfile": SECRET}}, "options", "field of its own"),
        ({"options": {"sslkey": SECRET}}, "options", "field of its own"),
        ({"options": {"search_path": SECRET}}, "options", "'search_path' is not an option of postgres; those are"),
        ({"options": {f"host=x pwd={SECRET}": "1"}}, "options", "not the name of an option"),
        ({"options": {"sslmode": SECRET}}, "options", "the value of 'sslmode'"),
        ({"options": {"row_security": "never"}}, "options", "the value of 'row_security'"),
        ({"options": {"sslmode": None}}, "options", ""),
        ({"options": {"connect_timeout": 5.5}}, "options", ""),
        ({"options": {"verify": True}}, "options", "not an option of postgres"),
        ({"options": []}, "options", "dict"),
        ({"ca": "nonsense"}, "ca", "no certificate in PEM"),
        ({"ca": "-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n"}, "ca", "can be read"),
        ({"ca": "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----"}, "ca", "private key"),
        ({"max_connections": 1}, "max_connections", "greater"),
        ({"wal": {"slot_bytes": 0}}, "wal", "greater"),
        ({"wal": {"slot_bytes": 2**63}}, "wal", "less"),
        ({"wal": {"pressure_bytes": 2**63}}, "wal", "less"),
        ({"wal": {"disk_bytes": 2**63}}, "wal", "less"),
        ({"wal": {"time_left": "soon"}}, "wal", "match pattern"),
        ({"wal": {"slotBytes": 1}}, "wal", "not permitted"),
        ({"pipelines": 3}, "pipelines", "not permitted"),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_source_can_not_be_is_refused_by_its_field_and_never_repeated(body, field, says):
    with pytest.raises((ValidationError, RequestValidationError, InvalidError)) as caught:
        parse(SourceIn, **{**SOURCE, **body})
    error = caught.value
    if isinstance(error, InvalidError):
        found = [(error.field, error.message)]
    else:
        places = [[part for part in each["loc"] if part != "body"] for each in error.errors()]
        found = [(place[0], each["msg"]) for place, each in zip(places, error.errors(), strict=True)]
    assert {name for name, _ in found} == {field}
    assert any(says in message for _, message in found), found
    assert not any(SECRET in message for _, message in found)


CA = "-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n"


def test_a_bundle_may_explain_its_certificates_in_any_language():
    explained = f"# Főtanúsítvány, Ünal\n{PEM}"
    spec, _ = parse(SourceIn, **{**SOURCE, "ca": explained})
    assert spec.ca == explained


@pytest.mark.parametrize("sslmode", ["disable", "allow", "prefer", "require"])
def test_certificates_are_refused_where_they_would_count_for_nothing(sslmode):
    with pytest.raises(InvalidError, match=r"^ca needs sslmode verify-ca or verify-full$") as caught:
        translate.source_spec({**SOURCE, "options": {"sslmode": sslmode}, "ca": CA})
    assert caught.value.field == "ca"


@pytest.mark.parametrize("options", [{}, {"sslmode": "verify-ca"}, {"sslmode": "verify-full"}], ids=str)
def test_certificates_are_taken_where_they_count(options):
    assert translate.source_spec({**SOURCE, "options": options, "ca": CA}).options == options


def test_a_destination_has_no_rows_to_leave_out():
    options = {"row_security": "on"}
    assert parse(SourceIn, **SOURCE, options=options)[0].options == options
    with pytest.raises(RequestValidationError, match="'row_security' is an option of sources"):
        parse(DestinationIn, **{**SOURCE, "options": options})


@pytest.mark.parametrize("lacking", ["name", "type", "host", "database"])
def test_a_source_needs_a_name_a_type_a_host_and_a_database(lacking):
    with pytest.raises(ValidationError, match=lacking):
        parse(SourceIn, **{name: value for name, value in SOURCE.items() if name != lacking})


def test_only_a_search_engine_needs_no_database():
    assert parse(DestinationIn, **SEARCH)[0].manifest() == {**SEARCH, "options": {}}
    with pytest.raises(InvalidError, match="database is needed") as caught:
        parse(DestinationIn, **{**SEARCH, "type": "postgres"})
    assert caught.value.field == "database"


@pytest.mark.parametrize(
    ("model", "base", "options", "kept"),
    [
        (SourceIn, SOURCE, None, {}),
        (SourceIn, SOURCE, {"connect_timeout": 5, "keepalives": True}, {"connect_timeout": "5", "keepalives": "1"}),
        (SourceIn, SOURCE, {"sslmode": "verify-full"}, {"sslmode": "verify-full"}),
        (DestinationIn, SEARCH, {"verify": False, "scheme": "http"}, {"verify": "false", "scheme": "http"}),
    ],
)
def test_options_are_kept_as_text(model, base, options, kept):
    assert parse(model, **base, options=options)[0].options == kept


@pytest.mark.parametrize(
    ("sent", "change"),
    [
        ({}, KEPT),
        ({"password_secret": None}, PasswordChange(only_own=True)),
        ({"password_secret": None, "password": None}, NONE),
        ({"password": None}, NONE),
        ({"password": SECRET}, PasswordChange(keeps=False, value=SECRET)),
    ],
    ids=str,
)
def test_a_password_stays_goes_or_comes(sent, change):
    assert parse(SourceIn, **SOURCE, **sent)[1] == change


def test_a_password_that_others_take_care_of_is_referred_to():
    change = parse(SourceIn, **SOURCE, password=None, password_secret={"name": "theirs"})[1]
    assert (change.keeps, change.value, change.reference.name) == (False, None, "theirs")
    assert change.reference.key == "password"


def test_a_password_is_in_no_text_of_a_body():
    sent = SourceIn.model_validate({**SOURCE, "password": SECRET})
    texts = (repr(sent), str(sent), sent.model_dump_json(), repr(sent.fields()), repr(sent.password_change()))
    assert not [text for text in texts if SECRET in text]
