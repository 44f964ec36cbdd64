"""What a PUT keeps of a source or destination: a connection string, a reference, and what it is."""

import asyncio

import pytest
from tests.unit.api.connecting import KEPT, NONE, SOURCE, fields, secret, service, the_source
from tests.unit.api.kept import UID, Kubernetes, pipeline, source

from headrace import names
from headrace.errors import ConflictError, InvalidError
from headrace.model.connection import SecretKey
from headrace_api.bodies.connection import PasswordChange
from headrace_api.bodies.destination import DestinationIn
from headrace_api.bodies.source import SourceIn
from headrace_api.services.connection_kinds import DESTINATIONS

SEEN = {"host": "films.example.com", "port": 5432, "database": "films", "username": "reader"}
REFERENCE = {"name": "headrace-dsn", "key": "source"}


@pytest.mark.parametrize(
    ("before", "kept"),
    [(secret(), True), (PasswordChange(keeps=False, reference=SecretKey(name="theirs")), False), (NONE, False)],
    ids=["sent here", "others'", "none"],
)
def test_no_reference_is_what_is_shown_of_a_password_that_was_sent_here(before, kept):
    """So it takes away the reference to what others keep, and nothing else."""
    kubernetes = Kubernetes()
    sources, _ = service(kubernetes)
    made = asyncio.run(sources.create(fields(), before))
    change = SourceIn.model_validate({**SOURCE, "password_secret": None}).password_change()
    shown = asyncio.run(sources.replace(made["id"], fields(), change))
    assert (shown["password_secret"], shown["has_password"]) == (None, kept)
    assert ("passwordSecret" in the_source(kubernetes)["spec"], len(kubernetes.secrets)) == (kept, int(kept))


def test_one_that_a_connection_string_holds_can_not_be_kept():
    kubernetes = Kubernetes()
    sources, _ = service(kubernetes)
    made = asyncio.run(sources.create(fields(), NONE))
    spec = the_source(kubernetes)["spec"]
    spec |= {"connectionSecret": {"name": "headrace-dsn", "key": "source"}}
    del spec["host"], spec["database"]
    with pytest.raises(InvalidError, match="connection string of the Secret 'headrace-dsn'") as caught:
        asyncio.run(sources.replace(made["id"], fields(), KEPT))
    assert caught.value.field == "password"
    shown = asyncio.run(sources.replace(made["id"], fields(), NONE))
    assert (shown["host"], shown["has_password"]) == ("films.example.com", False)
    assert "connectionSecret" not in the_source(kubernetes)["spec"]


def with_connection_string(seen=SEEN, **spec):
    """Sources of which one has a whole connection string in a Secret; the operator read this from it."""
    kubernetes = Kubernetes()
    kept = source("films-1")
    kept["spec"] = {"name": "films", "type": "postgres", "connectionSecret": REFERENCE, **spec}
    kept["status"] = {"connection": seen}
    kubernetes.kept[names.SOURCE_PLURAL] = {"films-1": kept}
    return service(kubernetes)[0], kubernetes


@pytest.mark.parametrize("port", [None, 5432])
@pytest.mark.parametrize("change", [KEPT, PasswordChange(only_own=True)], ids=["kept", "no reference"])
def test_a_connection_string_stays_while_it_leads_where_it_did(port, change):
    sources, kubernetes = with_connection_string()
    sent = fields(username="reader", port=port, max_connections=7, options={"sslmode": "require"})
    shown = asyncio.run(sources.replace(UID, sent, change))
    assert shown.items() >= {**SEEN, "max_connections": 7, "has_password": True}.items()
    spec = the_source(kubernetes)["spec"]
    assert (spec["connectionSecret"], spec["maxConnections"]) == (REFERENCE, 7)
    assert not spec.keys() & {*SEEN, "passwordSecret"}
    kubernetes.done.clear()
    assert asyncio.run(sources.replace(UID, sent, KEPT))["updated_at"] == shown["updated_at"]
    assert kubernetes.done == []


@pytest.mark.parametrize(
    ("seen", "sent"),
    [
        (SEEN, {"host": "other.example.com"}),
        (SEEN, {"port": 6432}),
        (SEEN, {"database": "other"}),
        (SEEN, {"username": "other"}),
        (SEEN, {"username": None}),
        ({}, {}),
        ({"host": "films.example.com"}, {}),
    ],
    ids=str,
)
def test_a_connection_string_goes_to_no_other_server(seen, sent):
    sources, kubernetes = with_connection_string(seen)
    with pytest.raises(InvalidError, match="leave host, port, database and username as they are shown") as caught:
        asyncio.run(sources.replace(UID, fields(**{"username": "reader", **sent}), KEPT))
    assert (caught.value.field, kubernetes.done) == ("password", [])


def test_a_destination_that_pipelines_use_stays_what_it_is():
    kubernetes = Kubernetes(pipeline("a", destination="films-1"))
    kubernetes.kept[names.DESTINATION_PLURAL] = {"films-1": source("films-1")}
    destinations, _ = service(kubernetes, DESTINATIONS)
    search = DestinationIn.model_validate({"name": "films", "type": "elasticsearch", "host": "search"}).fields()
    with pytest.raises(ConflictError, match="Cannot change the type of destination while pipelines use it: 'a'") as c:
        asyncio.run(destinations.replace(UID, search, secret()))
    assert (c.value.field, kubernetes.done) == ("type", [])
    same = DestinationIn.model_validate({**SOURCE, "host": "other"}).fields()
    assert asyncio.run(destinations.replace(UID, same, KEPT))["host"] == "other"
    kubernetes.kept[names.PIPELINE_PLURAL].clear()
    assert asyncio.run(destinations.replace(UID, search, NONE))["type"] == "elasticsearch"


class MayNotList:
    """Somebody who may do all but list pipelines."""

    async def allows(self, caller, right):
        return (right.verb, right.plural) != ("list", names.PIPELINE_PLURAL)


def test_pipelines_are_named_only_to_who_may_list_them():
    kubernetes = Kubernetes(pipeline("secret plans", destination="films-1"))
    kubernetes.kept[names.DESTINATION_PLURAL] = {"films-1": source("films-1")}
    destinations, _ = service(kubernetes, DESTINATIONS, MayNotList())
    search = DestinationIn.model_validate({"name": "films", "type": "elasticsearch", "host": "search"}).fields()
    with pytest.raises(ConflictError) as caught:
        asyncio.run(destinations.replace(UID, search, KEPT))
    assert caught.value.message == "Cannot change the type of destination while 1 pipeline uses it"
