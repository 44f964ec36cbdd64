"""The Secrets of runs: made, renewed, dropped; and what is in the way of that."""

import base64
from typing import Any

import pytest
from structlog.testing import capture_logs

from headrace import names
from headrace.connections.problem import NoWayInError
from headrace.errors import UnavailableError
from headrace.lifecycle.actions import Way
from headrace_operator.credentials.ends import Ends
from headrace_operator.credentials.rotation import Rotation
from headrace_operator.credentials.secrets import Owner, RunSecrets
from headrace_operator.index import Index

WAY = Way(uid="r-1", source="default", destination="dwh")
OWNER = Owner(name="films-1", uid="r-1", labels={"headrace.dev/run": "r-1"})
SECRET = names.run_secret_name("r-1")
PEM = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
SHOP = {"host": "db.example", "database": "films", "username": "reader"}


async def test_it_is_owned_by_its_run_and_holds_both_ends(server, secrets):
    await secrets.provide(OWNER, WAY)
    made = server.secrets[SECRET]
    (owner,) = made["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"], owner["controller"]) == ("EtlRun", "films-1", "r-1", True)
    assert (made["metadata"]["labels"], made["type"]) == ({"headrace.dev/run": "r-1"}, "Opaque")
    assert server.reads("source")["password"] == "old"
    assert server.reads("target")["password"] == "dwh-old"


async def test_one_that_is_there_is_given_the_logins_of_now_and_goes_on_where_it_went(server, secrets):
    await secrets.provide(OWNER, WAY)
    server.secret("dwh", labels={names.CREDENTIALS_LABEL: "true"}, password="dwh-new")
    server.end(names.SOURCE_PLURAL, "default", host="elsewhere.example", database="films")
    await secrets.provide(OWNER, WAY)
    assert server.reads("source")["host"] == "db.example"
    assert server.reads("target")["password"] == "dwh-new"


async def test_of_source_and_destination_each_is_read_once_for_it(server, secrets, monkeypatch):
    """Each read is a request to Kubernetes, of each run."""
    get, asked = server.get, []

    async def counted(plural, name):
        asked.append(name)
        return await get(plural, name)

    monkeypatch.setattr(server, "get", counted)
    await secrets.provide(OWNER, WAY)
    assert asked == ["default", "dwh"]


async def test_one_that_somebody_damaged_is_left_and_told(server, secrets):
    await secrets.provide(OWNER, WAY)
    server.secrets[SECRET]["data"]["source"] = base64.b64encode(b"postgresql://reader:hunter2@[db").decode()
    with capture_logs() as logs:
        await secrets.provide(OWNER, WAY)
    assert [entry["log_level"] for entry in logs] == ["error"]
    assert "hunter2" not in str(logs)


async def test_one_that_is_there_is_enough_whatever_became_of_the_source(server, secrets):
    await secrets.provide(OWNER, WAY)
    server.resources.clear()
    assert await secrets.in_the_way(WAY) is None
    await secrets.provide(OWNER, WAY)
    assert server.reads("source")["host"] == "db.example"


async def test_one_that_is_gone_is_to_be_made_where_it_can_be(server, secrets):
    assert await secrets.is_to_be_made(WAY)
    await secrets.provide(OWNER, WAY)
    assert not await secrets.is_to_be_made(WAY)
    await secrets.drop("r-1")
    server.resources.clear()
    assert not await secrets.is_to_be_made(WAY)


async def test_a_password_that_was_replaced_while_it_was_read_is_read_anew(server, ends, monkeypatch):
    """The API makes a new Secret, then writes who refers to it, and removes the old one milliseconds later."""
    read, key = server.get_secret, (names.DESTINATION_PLURAL, "dwh")
    stale = server.resources[key]

    async def replace(name):
        if server.resources[key] is stale:
            server.secret("dwh-2", labels={names.CREDENTIALS_LABEL: "true"}, password="dwh-new")
            server.resources[key] = {**stale, "spec": {**stale["spec"], "passwordSecret": {"name": "dwh-2"}}}
            del server.secrets["dwh"]
        return await read(name)

    monkeypatch.setattr(server, "get_secret", replace)
    assert (await ends.destination("dwh")).parameters["password"] == "dwh-new"


async def test_it_is_dropped_however_often(server, secrets):
    await secrets.provide(OWNER, WAY)
    await secrets.drop("r-1")
    await secrets.drop("r-1")
    assert SECRET not in server.secrets


NO_HOST = "give the server's name or address alone, without a scheme or a path"
GONE = {
    "source": (lambda server: server.resources.pop((names.SOURCE_PLURAL, "default")), "SourceMissing",
        "there is no EtlSource 'default'"),
    "destination": (lambda server: server.resources.pop((names.DESTINATION_PLURAL, "dwh")), "DestinationMissing",
        "there is no EtlDestination 'dwh'"),
    "Secret": (lambda server: server.secrets.pop("dwh"), "SecretMissing",
        "the EtlDestination 'dwh' can't be used: the Secret 'dwh' does not exist"),
    "label": (lambda server: server.secret("dwh", password="x"), "SecretNotAllowed",
        "the EtlDestination 'dwh' can't be used: the Secret 'dwh' lacks the label headrace.dev/credentials: \"true\""),
    "key": (lambda server: server.secret("headrace-dsn", store="x"), "SecretMissing",
        "the EtlSource 'default' can't be used: the Secret 'headrace-dsn' has no key 'source'"),
    "host": (lambda server: server.end(names.SOURCE_PLURAL, "default", host="a/b", database="d"), "InvalidSpec",
        f"the EtlSource 'default' can't be used: host: {NO_HOST}"),
}  # fmt: skip


@pytest.mark.parametrize(("breaks", "reason", "message"), GONE.values(), ids=GONE)
async def test_what_is_in_the_way_is_told_in_words_and_nothing_is_made(server, secrets, breaks, reason, message):
    assert await secrets.in_the_way(WAY) is None
    breaks(server)
    assert await secrets.in_the_way(WAY) == (reason, message, True)
    with pytest.raises(NoWayInError):
        await secrets.provide(OWNER, WAY)
    assert SECRET not in server.secrets


# While runs go on.


@pytest.fixture
def index() -> Index:
    made = Index()
    made.put(names.RUN_PLURAL, run("r-1"))
    return made


def run(uid: str, *, version: int = 1, phase: str = "RUNNING", active: bool = True) -> dict[str, Any]:
    created = {"resourceVersion": str(version), "creationTimestamp": "2026-01-01T00:00:00Z"}
    status = {"phase": phase, "source": "default", "destination": "dwh", "job": {"name": "j", "active": active}}
    return {"metadata": {"name": uid, "uid": uid, **created}, "spec": {"pipeline": "films"}, "status": status}


@pytest.fixture
def rotation(index: Index, ends: Ends, secrets: RunSecrets) -> Rotation:
    return Rotation(index, ends, secrets)


async def changed(server: Any, rotation: Rotation) -> None:
    server.secret("dwh", labels={names.CREDENTIALS_LABEL: "true"}, password="dwh-new")
    server.secret("headrace-dsn", source="postgresql://reader:new@db.example/films")
    for plural, name in ((names.SOURCE_PLURAL, "default"), (names.DESTINATION_PLURAL, "dwh")):
        await rotation.refresh(plural, server.resources[plural, name])


async def test_runs_at_work_are_given_another_password_once(server, secrets, rotation):
    await secrets.provide(OWNER, WAY)
    await changed(server, rotation)
    assert (server.reads("source")["password"], server.reads("target")["password"]) == ("new", "dwh-new")
    await changed(server, rotation)
    assert server.patches == 2


async def test_one_run_whose_secret_was_damaged_keeps_no_other_from_it(server, secrets, rotation, index):
    await secrets.provide(OWNER, WAY)
    index.put(names.RUN_PLURAL, run("r-0"))
    server.secret(names.run_secret_name("r-0"), source="postgresql://reader:hunter2@[db", target="hunter2 = ")
    with capture_logs() as logs:
        await changed(server, rotation)
    assert (server.reads("source")["password"], server.reads("target")["password"]) == ("new", "dwh-new")
    assert "hunter2" not in str(logs)


async def test_other_certificates_reach_runs_at_work(server, secrets, rotation):
    server.end(names.SOURCE_PLURAL, "default", **SHOP, ca=PEM)
    await secrets.provide(OWNER, WAY)
    server.end(names.SOURCE_PLURAL, "default", **SHOP, ca=PEM.replace("AA==", "AAAA"))
    await rotation.refresh(names.SOURCE_PLURAL, server.resources[names.SOURCE_PLURAL, "default"])
    found = base64.b64decode(server.secrets[SECRET]["data"]["source-ca.pem"]).decode()
    assert found == PEM.replace("AA==", "AAAA")


@pytest.mark.parametrize("status", [{"phase": "SUCCESS"}, {"phase": "PAUSED", "active": False}])
async def test_a_run_that_is_not_at_work_is_left_alone(server, secrets, rotation, index, status):
    await secrets.provide(OWNER, WAY)
    index.put(names.RUN_PLURAL, run("r-1", version=2, **status))
    await changed(server, rotation)
    assert server.patches == 0


async def test_without_a_way_in_runs_go_on_with_what_they_have(server, secrets, rotation):
    await secrets.provide(OWNER, WAY)
    server.secrets.pop("headrace-dsn")
    await rotation.refresh(names.SOURCE_PLURAL, server.resources[names.SOURCE_PLURAL, "default"])
    assert server.reads("source")["password"] == "old"


async def test_while_kubernetes_is_away_it_is_said_that_somebody_has_to_come_again(server, secrets, rotation):
    await secrets.provide(OWNER, WAY)
    server.away = True
    with pytest.raises(UnavailableError):
        await rotation.refresh(names.SOURCE_PLURAL, server.resources[names.SOURCE_PLURAL, "default"])


async def test_a_login_that_changes_while_a_secret_is_made_is_brought_again(
    server, secrets, rotation, index, monkeypatch
):
    """Whoever brings it finds no Secret yet."""
    index.put(names.RUN_PLURAL, run("r-1", version=2, phase="PENDING"))
    create = server.create_secret

    async def late(body):
        with pytest.raises(UnavailableError, match="is being made"):
            await changed(server, rotation)
        return await create(body)

    monkeypatch.setattr(server, "create_secret", late)
    await secrets.provide(OWNER, WAY)
    await changed(server, rotation)
    assert (server.reads("source")["password"], server.reads("target")["password"]) == ("new", "dwh-new")


async def test_a_run_without_a_secret_is_passed_over(server, rotation):
    """It began under the version before."""
    await changed(server, rotation)
    assert server.patches == 0
