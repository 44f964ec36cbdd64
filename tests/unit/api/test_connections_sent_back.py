"""A PUT of what GET shows: it changes nothing, and pins nothing that was only seen."""

import asyncio

import pytest
from pydantic import ValidationError
from tests.unit.api.connecting import SOURCE, service, the_source
from tests.unit.api.kept import UID, Kubernetes, source

from headrace import names
from headrace.errors import InvalidError
from headrace_api.bodies.destination import Destination, DestinationIn, DestinationPut
from headrace_api.bodies.source import Source, SourceIn, SourcePut
from headrace_api.services.connection_kinds import DESTINATIONS, SOURCES

SEEN = {"host": "films.example.com", "port": 5432, "database": "films", "username": "reader"}
STRING = {"connectionSecret": {"name": "headrace-dsn", "key": "source"}}
THEIRS = {"passwordSecret": {"name": "theirs", "key": "password"}}
PLACE = {"host": "films.example.com", "database": "films"}
SEARCH = {"type": "elasticsearch", "host": "search.example.com"}


def holding(of, spec, seen=SEEN):
    """One that kubectl made, which the operator has looked at."""
    kubernetes = Kubernetes()
    kept = source("films-1")
    kept["spec"] = {"name": "films", **spec}
    ready = {"type": "Ready", "status": "True", "reason": "Connected", "lastTransitionTime": "2026-03-01T12:00:00Z"}
    kept["status"] = {"connection": seen, "serverVersion": "PostgreSQL 16.4", "conditions": [ready]}
    kubernetes.kept[names.SOURCE_PLURAL if of is SOURCES else names.DESTINATION_PLURAL] = {"films-1": kept}
    return service(kubernetes, of)[0], kubernetes


def put(service, model, body):
    sent = model.model_validate(body)
    return asyncio.run(service.replace(UID, sent.fields(), sent.password_change()))


@pytest.mark.parametrize(
    ("of", "spec", "seen"),
    [
        (SOURCES, PLACE, {}),
        (SOURCES, {**PLACE, "wal": {"slotBytes": 5}, "options": {"sslmode": "require"}, "maxConnections": 5}, SEEN),
        (SOURCES, {**PLACE, **THEIRS}, SEEN),
        (SOURCES, {**PLACE, **THEIRS, "username": "reader"}, SEEN),
        (SOURCES, STRING, SEEN),
        (SOURCES, STRING, {**SEEN, "host": "h1,h2", "port": None}),
        (SOURCES, STRING, {**SEEN, "host": "/var/run/postgresql"}),
        (SOURCES, STRING, {**SEEN, "database": "a=b"}),
        (DESTINATIONS, PLACE, {}),
        (DESTINATIONS, {**SEARCH, **THEIRS}, {**SEARCH, "port": 9200, "username": "elastic"}),
        (DESTINATIONS, {"type": "elasticsearch", **STRING}, {"host": "search.example.com", "port": 9200}),
    ],
    ids=lambda value: getattr(value, "noun", None) or str(value),
)
def test_what_is_shown_can_be_sent_back_and_changes_nothing(of, spec, seen):
    kept, kubernetes = holding(of, spec, seen)
    shown = asyncio.run(kept.find(UID))
    assert put(kept, SourcePut if of is SOURCES else DestinationPut, shown) == shown
    assert kubernetes.done == []


def test_a_username_that_lies_in_the_secret_still_changes_with_it():
    sources, kubernetes = holding(SOURCES, {**PLACE, **THEIRS})
    shown = asyncio.run(sources.find(UID))
    assert shown["username"] == "reader"
    put(sources, SourcePut, {**shown, "max_connections": 5})
    assert (the_source(kubernetes)["spec"].get("username"), the_source(kubernetes)["spec"]["maxConnections"]) == (
        None,
        5,
    )
    put(sources, SourcePut, {**shown, "username": "other"})
    assert the_source(kubernetes)["spec"]["username"] == "other"


@pytest.mark.parametrize("change", [{"password": "new"}, {"password_secret": {"name": "others"}}], ids=str)
def test_a_username_goes_with_the_password_that_it_is_sent_with(change):
    sources, kubernetes = holding(SOURCES, {**PLACE, **THEIRS})
    shown = asyncio.run(sources.find(UID))
    del shown["password_secret"]
    put(sources, SourcePut, {**shown, **change})
    assert the_source(kubernetes)["spec"]["username"] == "reader"


def test_a_connection_string_to_several_servers_stays_while_something_else_changes():
    sources, kubernetes = holding(SOURCES, STRING, {**SEEN, "host": "h1,h2", "port": None})
    shown = asyncio.run(sources.find(UID))
    assert put(sources, SourcePut, {**shown, "max_connections": 7})["host"] == "h1,h2"
    spec = the_source(kubernetes)["spec"]
    assert (spec["connectionSecret"], spec["maxConnections"], "host" in spec) == (STRING["connectionSecret"], 7, False)


@pytest.mark.parametrize("spec", [PLACE, STRING], ids=str)
def test_a_connection_string_can_not_be_asked_for(spec):
    sources, kubernetes = holding(SOURCES, spec)
    shown = asyncio.run(sources.find(UID))
    with pytest.raises(InvalidError, match="connection_secret is not changed here") as caught:
        put(sources, SourcePut, {**shown, "connection_secret": {"name": "headrace-dsn", "key": "store"}})
    assert (caught.value.field, kubernetes.done) == ("connection_secret", [])


@pytest.mark.parametrize(
    ("asks", "puts", "shows"), [(SourceIn, SourcePut, Source), (DestinationIn, DestinationPut, Destination)]
)
def test_only_a_put_takes_what_answers_have_and_nothing_that_nobody_has(asks, puts, shows):
    for name in shows.model_fields.keys() - asks.model_fields.keys():
        with pytest.raises(ValidationError, match="not permitted"):
            asks.model_validate({**SOURCE, name: None})
        assert puts.model_validate({**SOURCE, name: None}).fields() == asks.model_validate(SOURCE).fields()
    for name in ("pasword", "metadata", "status"):
        with pytest.raises(ValidationError, match="not permitted"):
            puts.model_validate({**SOURCE, name: None})


@pytest.mark.parametrize(("puts", "shows"), [(SourcePut, Source), (DestinationPut, Destination)])
def test_the_schema_says_what_a_put_ignores(puts, shows):
    schema = puts.model_json_schema()
    assert schema["properties"].keys() >= shows.model_fields.keys()
    ignored = {name for name, about in schema["properties"].items() if about.get("readOnly")}
    assert ignored == puts.only_shown >= {"id", "ready", "conditions", "pipelines", "created_at", "updated_at"}
    assert not ignored & set(schema["required"])


@pytest.mark.parametrize(
    "change", [{"wal": {"slotBytes": 6}}, {"port": 6432}, {"host": "other"}, {"future": 1}], ids=str
)
def test_what_is_said_otherwise_by_a_manifest_is_written(change):
    sources, kubernetes = holding(SOURCES, {**PLACE, **change})
    put(sources, SourcePut, {**SOURCE})
    assert kubernetes.done == ["patch films-1"]
