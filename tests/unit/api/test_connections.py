"""Sources and destinations in Kubernetes: what is written in which order, and what becomes of passwords."""

import asyncio
import base64

import pytest
from tests.unit.api.connecting import KEPT, NONE, SECRET, SOURCE, MayNot, fields, secret, service, the_source
from tests.unit.api.kept import UID, Kubernetes, pipeline, source

from headrace import names
from headrace.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError, UnavailableError
from headrace_api.bodies.source import SourceIn
from headrace_api.services.connection_kinds import DESTINATIONS, SOURCES


def listed(resource):
    """The Secrets that it has on its list, uids by names."""
    text = resource["metadata"]["annotations"].get(names.PASSWORD_SECRETS_ANNOTATION)
    return dict(each.split("=") for each in text.split(",")) if text else {}


def foreign(kubernetes, name):
    """A Secret that somebody made by hand; returns its uid."""
    kubernetes.secrets[name] = {"metadata": {"name": name, "uid": f"uid-of-{name}"}, "data": {}}
    return f"uid-of-{name}"


def test_one_comes_into_a_secret_that_the_source_owns_and_refers_to():
    kubernetes = Kubernetes()
    sources, access = service(kubernetes)
    shown = asyncio.run(sources.create(fields(), secret()))
    assert kubernetes.done == ["create films-#", "create secret films-#-source-#", "patch films-#"]
    made = the_source(kubernetes)
    assert listed(made) == {name: each["metadata"]["uid"] for name, each in kubernetes.secrets.items()}
    kept = kubernetes.secrets[made["spec"]["passwordSecret"]["name"]]
    assert base64.b64decode(kept["data"]["password"]).decode() == SECRET
    assert kept["metadata"]["labels"][names.CREDENTIALS_LABEL] == "true"
    (owner,) = kept["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("EtlSource", made["metadata"]["uid"])
    assert SECRET not in repr((made, shown))
    assert shown["has_password"]
    assert [line.split()[:2] for line in access.done] == [["create", "etlsources"], ["create", "secrets"]]


@pytest.mark.parametrize(
    "refused",
    [UnavailableError("no", part="kubernetes"), InvalidError(f"no: {SECRET}"), ConflictError("taken")],
    ids=["unavailable", "invalid", "taken"],
)
def test_a_source_whose_secret_can_not_be_made_is_taken_back(refused):
    kubernetes = Kubernetes(refuses={"create secret": refused})
    with pytest.raises((UnavailableError, ConflictError)) as caught:
        asyncio.run(service(kubernetes)[0].create(fields(), secret()))
    assert SECRET not in caught.value.message
    # Without an answer it may be there all the same.
    removed = ["delete secret films-#-source-#"] if isinstance(refused, UnavailableError) else []
    assert kubernetes.done == ["create films-#", "create secret films-#-source-#", *removed, "delete films-#"]


def test_a_source_whose_secret_can_not_be_listed_is_taken_back_with_it():
    kubernetes = Kubernetes(refuses={"patch": UnavailableError("no", part="kubernetes")})
    with pytest.raises(UnavailableError):
        asyncio.run(service(kubernetes)[0].create(fields(), secret()))
    assert (kubernetes.kept[names.SOURCE_PLURAL], kubernetes.secrets) == ({}, {})


def test_a_source_that_the_operator_writes_to_meanwhile_gets_its_list():
    kubernetes = Kubernetes(refuses={"patch": [ConflictError("moved on")]})
    asyncio.run(service(kubernetes)[0].create(fields(), secret()))
    assert list(listed(the_source(kubernetes))) == list(kubernetes.secrets)


def test_who_may_not_write_the_resource_makes_no_secret():
    kubernetes = Kubernetes()
    made = asyncio.run(service(kubernetes)[0].create(fields(), NONE))
    kubernetes.done.clear()
    sources, _ = service(kubernetes, authorizer=MayNot())
    for call in (sources.create(fields(name="b"), secret()), sources.replace(made["id"], fields(), secret())):
        with pytest.raises(ForbiddenError):
            asyncio.run(call)
    assert kubernetes.done == []


@pytest.mark.parametrize(
    ("change", "done", "has"),
    [
        (KEPT, ["patch films-#"], True),
        (NONE, ["patch films-#", "delete secret films-#-source-#"], False),
        (
            secret("new"),
            ["create secret films-#-source-#", "patch films-#", "delete secret films-#-source-#"],
            True,
        ),
    ],
    ids=["kept", "removed", "changed"],
)
def test_a_new_one_is_there_before_it_is_referred_to_and_an_old_one_goes_afterwards(change, done, has):
    kubernetes = Kubernetes()
    sources, _ = service(kubernetes)
    made = asyncio.run(sources.create(fields(), secret()))
    kubernetes.done.clear()
    shown = asyncio.run(sources.replace(made["id"], fields(host="other.example.com"), change))
    assert kubernetes.done == done
    assert (shown["host"], shown["has_password"]) == ("other.example.com", has)
    reference = the_source(kubernetes)["spec"].get("passwordSecret")
    assert list(kubernetes.secrets) == ([reference["name"]] if has else [])
    stamps = the_source(kubernetes)["metadata"]["annotations"]
    assert (names.CREDENTIALS_CHANGED_ANNOTATION in stamps) is (change is not KEPT)


def test_what_others_take_care_of_is_never_removed():
    kubernetes = Kubernetes()
    sources, _ = service(kubernetes)
    theirs = SourceIn.model_validate({**SOURCE, "password_secret": {"name": "theirs"}}).password_change()
    made = asyncio.run(sources.create(fields(), theirs))
    assert asyncio.run(sources.replace(made["id"], fields(), KEPT))["password_secret"]["name"] == "theirs"
    assert asyncio.run(sources.replace(made["id"], fields(), NONE))["has_password"] is False
    asyncio.run(sources.delete(made["id"]))
    assert kubernetes.done == ["create films-#", "patch films-#", "delete films-#"]


@pytest.mark.parametrize("change", [NONE, secret("new"), None], ids=["removed", "changed", "deleted"])
@pytest.mark.parametrize("lists", [False, True], ids=["on no list", "on another's list"])
def test_a_secret_that_is_only_called_as_ours_is_never_removed(change, lists):
    """As a person may name one; and as that of another source is, in a manifest that was copied with its list."""
    kubernetes = Kubernetes()
    sources, _ = service(kubernetes)
    made = asyncio.run(sources.create(fields(), NONE))
    whose = "other" if lists else the_source(kubernetes)["metadata"]["name"]
    called = f"{whose}-source-20260101"
    uid = foreign(kubernetes, called)
    found = the_source(kubernetes)
    found["spec"]["passwordSecret"] = {"name": called, "key": "password"}
    if lists:
        found["metadata"]["annotations"][names.PASSWORD_SECRETS_ANNOTATION] = f"{called}={uid}"
    assert asyncio.run(sources.find(made["id"]))["password_secret"] == {"name": called, "key": "password"}
    if change is None:
        asyncio.run(sources.delete(made["id"]))
    else:
        asyncio.run(sources.replace(made["id"], fields(), change))
    assert called in kubernetes.secrets


@pytest.mark.parametrize("change", [NONE, None], ids=["removed", "deleted"])
def test_who_writes_a_secret_onto_the_list_without_its_uid_does_not_get_it_deleted_nor_its_uid(change):
    kubernetes = Kubernetes()
    sources, access = service(kubernetes)
    made = asyncio.run(sources.create(fields(), NONE))
    called = f"{the_source(kubernetes)['metadata']['name']}-source-20260101"
    uid = foreign(kubernetes, called)
    the_source(kubernetes)["metadata"]["annotations"][names.PASSWORD_SECRETS_ANNOTATION] = f"{called}=guess,{called},="
    asyncio.run(sources.replace(made["id"], fields(), NONE) if change else sources.delete(made["id"]))
    assert called in kubernetes.secrets
    assert uid not in repr((kubernetes.kept, access.done))


@pytest.mark.parametrize("change", [KEPT, NONE, secret("new"), None], ids=["kept", "removed", "changed", "deleted"])
def test_one_that_stayed_behind_goes_with_the_next_change(change):
    """The API died, or Kubernetes was away, after the write and before it was removed."""
    kubernetes = Kubernetes()
    sources, _ = service(kubernetes)
    made = asyncio.run(sources.create(fields(), secret("first")))
    kubernetes.refuses = {"delete secret": UnavailableError("no", part="kubernetes")}
    asyncio.run(sources.replace(made["id"], fields(), secret("second")))
    assert len(listed(the_source(kubernetes))) == len(kubernetes.secrets) == 2
    kubernetes.refuses = {}
    if change is None:
        asyncio.run(sources.delete(made["id"]))
        assert kubernetes.secrets == {}
        return
    asyncio.run(sources.replace(made["id"], fields(), change))
    reference = the_source(kubernetes)["spec"].get("passwordSecret")
    assert list(kubernetes.secrets) == ([reference["name"]] if reference else [])
    kubernetes.done.clear()
    shown = asyncio.run(sources.replace(made["id"], fields(), KEPT))
    assert set(listed(the_source(kubernetes))) == set(kubernetes.secrets)
    assert asyncio.run(sources.replace(made["id"], fields(), KEPT)) == shown
    assert len([done for done in kubernetes.done if not done.startswith("delete")]) <= 1


def test_nothing_is_written_when_nothing_changes():
    kubernetes = Kubernetes()
    sources, _ = service(kubernetes)
    made = asyncio.run(sources.create(fields(), secret()))
    kubernetes.done.clear()
    assert asyncio.run(sources.replace(made["id"], fields(), KEPT)) == made
    assert kubernetes.done == []


@pytest.mark.parametrize(
    ("refused", "left"),
    [(InvalidError("no"), 1), (NotFoundError("gone"), 1), (UnavailableError("no", part="kubernetes"), 2)],
    ids=["not admitted", "gone", "perhaps written"],
)
def test_a_new_secret_goes_again_when_it_is_sure_that_nothing_refers_to_it(refused, left):
    kubernetes = Kubernetes()
    sources, _ = service(kubernetes)
    made = asyncio.run(sources.create(fields(), secret()))
    kubernetes.refuses = {"patch": refused}
    with pytest.raises(type(refused)):
        asyncio.run(sources.replace(made["id"], fields(), secret("new")))
    assert len(kubernetes.secrets) == left
    assert the_source(kubernetes)["spec"]["passwordSecret"]["name"] in kubernetes.secrets


@pytest.mark.parametrize("is_written", [False, True])
def test_after_an_answer_that_never_came_only_the_secret_that_is_referred_to_stays(is_written):
    kubernetes = Kubernetes()
    sources, _ = service(kubernetes)
    made = asyncio.run(sources.create(fields(), secret()))
    kubernetes.refuses = {"answer to patch" if is_written else "patch": [UnavailableError("no", part="kubernetes")]}
    before = the_source(kubernetes)["spec"]["passwordSecret"]["name"]
    with pytest.raises(UnavailableError):
        asyncio.run(sources.replace(made["id"], fields(), secret("new")))
    after = the_source(kubernetes)["spec"]["passwordSecret"]["name"]
    assert (list(kubernetes.secrets), after != before) == ([after], is_written)


def test_a_secret_that_can_not_be_removed_is_left_to_kubernetes():
    kubernetes = Kubernetes(refuses={"delete secret": UnavailableError("no", part="kubernetes")})
    sources, access = service(kubernetes)
    made = asyncio.run(sources.create(fields(), secret()))
    assert asyncio.run(sources.replace(made["id"], fields(), NONE))["has_password"] is False
    asyncio.run(sources.delete(made["id"]))
    assert "delete secrets" not in str(access.done)


def test_of_two_changes_at_once_no_password_gets_to_the_others_host():
    kubernetes = Kubernetes()
    sources, _ = service(kubernetes)
    made = asyncio.run(sources.create(fields(), secret()))

    async def race():
        changes = [sources.replace(made["id"], fields(host=f"h{n}"), secret(f"p{n}")) for n in range(4)]
        await asyncio.gather(*changes)

    asyncio.run(race())
    spec = the_source(kubernetes)["spec"]
    (left,) = kubernetes.secrets.values()
    assert left["metadata"]["name"] == spec["passwordSecret"]["name"]
    assert base64.b64decode(left["data"]["password"]).decode() == spec["host"].replace("h", "p")


@pytest.mark.parametrize(
    ("of", "called", "pipelines", "says"),
    [
        (SOURCES, "films-1", [pipeline("a", source="films-1")], "source while pipelines use it: 'a'"),
        (SOURCES, "default", [pipeline("a"), pipeline("b", source="x")], "source while pipelines use it: 'a'"),
        (DESTINATIONS, "default", [pipeline("a"), pipeline("b", targetTable="es:x")], "use it: 'a'"),
        (DESTINATIONS, "elasticsearch", [pipeline("a"), pipeline("b", targetTable="es:x")], "use it: 'b'"),
        (SOURCES, "default", [pipeline(name) for name in "edcba"], "'a', 'b', 'c' and 2 more"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_pipelines_use_is_not_deleted(of, called, pipelines, says):
    kubernetes = Kubernetes(*pipelines)
    plural = names.SOURCE_PLURAL if of is SOURCES else names.DESTINATION_PLURAL
    kubernetes.kept[plural] = {called: source(called)}
    with pytest.raises(ConflictError) as caught:
        asyncio.run(service(kubernetes, of)[0].delete(UID))
    assert says in caught.value.message
    assert kubernetes.done == []


def test_another_source_goes_with_its_secret():
    kubernetes = Kubernetes(pipeline("a"))
    sources, _ = service(kubernetes)
    made = asyncio.run(sources.create(fields(), secret()))
    asyncio.run(sources.delete(made["id"]))
    assert kubernetes.done[3:] == ["delete films-#", "delete secret films-#-source-#"]
    with pytest.raises(NotFoundError, match="Source not found"):
        asyncio.run(sources.find(made["id"]))
    assert kubernetes.secrets == {}


def test_each_shows_how_many_pipelines_use_it():
    kubernetes = Kubernetes(pipeline("a"), pipeline("b"), pipeline("c", source="films-1"))
    kubernetes.kept[names.SOURCE_PLURAL] = {name: source(name, uid=f"uid of {name}") for name in ("default", "films-1")}
    shown = asyncio.run(service(kubernetes)[0].all())
    assert sorted(each["pipelines"] for each in shown) == [1, 2]


def test_a_name_is_taken_once():
    kubernetes = Kubernetes()
    sources, _ = service(kubernetes)
    asyncio.run(sources.create(fields(), NONE))
    with pytest.raises(ConflictError, match="Source with this name already exists") as caught:
        asyncio.run(sources.create(fields(), secret()))
    assert caught.value.field == "name"
    other = asyncio.run(sources.create(fields(name="other"), NONE))
    with pytest.raises(ConflictError, match="already exists"):
        asyncio.run(sources.replace(other["id"], fields(), secret()))
    assert kubernetes.secrets == {}
