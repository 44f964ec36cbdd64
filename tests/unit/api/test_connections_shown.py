"""Sources and destinations as callers see them, and the Secrets that are known as ours."""

import pytest

from headrace import names
from headrace_api.bodies.destination import Destination
from headrace_api.bodies.source import Source
from headrace_api.translate import connections as translate
from headrace_api.translate.passwords import is_own, listing, new_reference, own_secrets

UID = "2d1f6c1e-8d0b-4b7a-9a43-7e5d2c9b6f31"
CREATED = "2026-03-01T12:00:00Z"
SEARCH = {"name": "search", "type": "elasticsearch", "host": "search.example.com"}


def source(generation=1, *, status=None, name="films-1", own=None, **spec):
    metadata = {"name": name, "uid": UID, "creationTimestamp": CREATED, "generation": generation}
    metadata["annotations"] = listing(own or {})
    base = {} if "connectionSecret" in spec else {"host": "films.example.com", "database": "films"}
    return {"metadata": metadata, "spec": {"name": "films", **base, **spec}, "status": status or {}}


def test_a_source_is_shown_with_its_defaults_and_without_what_nobody_saw_yet():
    shown = translate.show_source(source(), 2)
    assert Source.model_validate(shown).model_dump(mode="json") == shown
    assert (shown["id"], shown["type"], shown["port"], shown["pipelines"]) == (UID, "postgres", 5432, 2)
    assert (shown["ready"], shown["reason"], shown["has_password"], shown["slots"]) == (None, None, False, [])
    assert shown["wal"]["time_left"] == "1h"


def test_a_search_engine_has_its_own_port_and_no_database():
    shown = translate.show_destination(source(**SEARCH, database=None), 0)
    assert Destination.model_validate(shown).model_dump(mode="json") == shown
    assert (shown["type"], shown["port"], shown["database"]) == ("elasticsearch", 9200, None)


@pytest.mark.parametrize(
    ("status", "observed", "generation", "ready"),
    [
        ("True", 3, 3, (True, "Connected")),
        ("False", 3, 3, (False, "Connected")),
        ("Unknown", 3, 3, (None, "Connected")),
        ("True", None, 3, (True, "Connected")),
        ("True", 2, 3, (None, None)),
    ],
)
def test_ready_is_told_of_the_configuration_as_it_is_now(status, observed, generation, ready):
    condition = {"type": "Ready", "status": status, "reason": "Connected", "message": "It does."}
    condition |= {} if observed is None else {"observedGeneration": observed}
    shown = translate.show_source(source(generation, status={"conditions": [condition]}), 0)
    assert (shown["ready"], shown["reason"]) == ready


def test_what_lies_in_a_connection_string_is_shown_as_the_operator_read_it():
    reference = {"name": "headrace-dsn", "key": "source"}
    unseen = translate.show_source(source(connectionSecret=reference), 0)
    assert (unseen["host"], unseen["port"], unseen["has_password"]) == (None, None, True)
    seen = {"host": "h", "port": 6432, "database": "d", "username": "u"}
    shown = translate.show_source(source(connectionSecret=reference, status={"connection": seen}), 0)
    assert {name: shown[name] for name in seen} == seen


def test_all_that_was_found_of_it_as_it_is_now_is_shown():
    def found(type_, generation=2, **more):
        return {
            "type": type_, "status": "False", "reason": "R", "lastTransitionTime": CREATED,
            "observedGeneration": generation, **more,
        }  # fmt: skip

    conditions = [found("WalPressure", message="much"), found("SourceReadOnly", 1), found("Ready", future=True)]
    status = {"conditions": conditions, "measuredAt": "2026-03-01T12:05:00Z", "walBytes": 9}
    shown = translate.show_source(source(2, status=status), 0)
    expected = {"status": "False", "reason": "R", "last_transition_time": CREATED}
    assert shown["conditions"] == [
        {**expected, "type": "Ready", "message": ""},
        {**expected, "type": "WalPressure", "message": "much"},
    ]
    assert shown["measured_at"] == "2026-03-01T12:05:00Z"
    assert Source.model_validate(shown).model_dump(mode="json") == shown
    destination = translate.show_destination(source(2, status=status), 0)
    assert Destination.model_validate(destination).model_dump(mode="json") == destination


def test_times_are_shown_as_all_times_are():
    """Other versions may write the zone in another way."""
    ready = {"type": "Ready", "status": "True", "reason": "R", "lastTransitionTime": "2026-03-01T13:00:00+01:00"}
    status = {"conditions": [ready], "measuredAt": "2026-03-01T12:05:00+00:00"}
    shown = translate.show_source(source(status=status), 0)
    assert shown["conditions"][0]["last_transition_time"] == CREATED
    assert shown["measured_at"] == "2026-03-01T12:05:00Z"
    assert Source.model_validate(shown).model_dump(mode="json") == shown


def test_where_a_connection_string_lies_is_shown():
    reference = {"name": "headrace-dsn", "key": "source"}
    assert translate.show_source(source(connectionSecret=reference), 0)["connection_secret"] == reference
    assert translate.show_source(source(), 0)["connection_secret"] is None


@pytest.mark.parametrize("spec", [{"wal": {"slotBytes": 5, "future": 1}}, {"type": "future"}, {"future": 1}], ids=str)
def test_what_a_newer_version_let_in_does_not_hinder_a_list(spec):
    shown = translate.show_source(source(**spec), 0)
    assert set(shown["wal"]) == {"slot_bytes", "pressure_bytes", "time_left", "disk_bytes"}
    assert shown["wal"]["slot_bytes"] == spec.get("wal", {}).get("slotBytes", 1024**3)


@pytest.mark.parametrize(
    ("name", "own", "is_shown"),
    [
        ("films-1-source-0a1b2c3d", {"films-1-source-0a1b2c3d": "uid-1"}, False),
        ("films-1-source-0a1b2c3d", {"films-1-source-11111111": "uid-1"}, True),
        ("films-1-source-20260101", {}, True),
        ("theirs", {}, True),
        ("films-1-destination-0a1b2c3d", {"films-1-destination-0a1b2c3d": "uid-1"}, False),
    ],
)
def test_only_a_secret_that_others_take_care_of_is_shown(name, own, is_shown):
    reference = {"name": name, "key": "password"}
    show = translate.show_destination if "destination" in name else translate.show_source
    found = show(source(passwordSecret=reference, own=own), 0)
    assert found["has_password"]
    assert found["password_secret"] == (reference if is_shown else None)


@pytest.mark.parametrize(
    ("noun", "name", "secret", "own"),
    [
        ("source", "films-1", "films-1-source-0a1b2c3d", True),
        ("destination", "films-1", "films-1-source-0a1b2c3d", False),
        ("source", "films-1", "films-1-source-0a1b2c3", False),
        ("source", "films-1", "headrace-dsn", False),
        ("source", "films-1", "films-1x-source-0a1b2c3d", False),
        ("source", "films.1", "films-1-source-0a1b2c3d", False),
    ],
)
def test_what_is_listed_is_ours_only_if_it_is_called_as_ours_too(noun, name, secret, own):
    resource = source(name=name, own={secret: "uid-1"}, passwordSecret={"name": secret})
    assert own_secrets(noun, resource) == ({secret: "uid-1"} if own else {})
    assert is_own(noun, resource) is own


@pytest.mark.parametrize("text", ["", ",", "=", "films-1-source-0a1b2c3d", "films-1-source-0a1b2c3d=", "=uid-1", " "])
def test_a_list_that_somebody_else_wrote_is_nothing_to_go_by(text):
    resource = source()
    resource["metadata"]["annotations"] = {names.PASSWORD_SECRETS_ANNOTATION: text}
    assert own_secrets("source", resource) == {}


def test_a_new_secret_has_a_name_that_kubernetes_takes_and_that_is_known_again():
    for name in ("a", "a" * 253):
        own = {new_reference("destination", name).name: f"uid-{number}" for number in range(2)}
        assert own_secrets("destination", source(name=name, own=own)) == own
        assert {len(each) <= 253 for each in own} == {True}


@pytest.mark.parametrize(
    ("spec", "source_name", "destination_name"),
    [
        ({"targetTable": "a.b"}, "default", "default"),
        ({"targetTable": "es:a"}, "default", "elasticsearch"),
        ({"targetTable": "es:a", "source": "s", "destination": "d"}, "s", "d"),
    ],
)
def test_a_pipeline_uses_what_it_names_or_the_defaults(spec, source_name, destination_name):
    pipeline = {"spec": spec}
    assert translate.source_name(pipeline) == source_name
    assert translate.destination_name(pipeline) == destination_name
