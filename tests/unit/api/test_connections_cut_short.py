"""POST and PUT of sources with a password that end half-way: no answer, no time left, a name that another takes."""

import asyncio
import base64

import pytest
from tests.unit.api.connecting import KEPT, NONE, fields, secret, service, the_source
from tests.unit.api.kept import UID, Kubernetes, source

from headrace import names
from headrace.errors import ConflictError, InvalidError, UnavailableError
from headrace_api.cleanups import LONGEST_SECONDS

AWAY = UnavailableError("no", part="kubernetes")
CUT = ["no answer", "no time"]
POST = ["create", "answer to create", "list", "create secret", "answer to create secret", "patch", "answer to patch"]
PUT = ["create secret", "answer to create secret", "patch", "answer to patch"]


async def cut_short(kubernetes, how, at, call):
    """The call ends at this point: with an error, or because its time is up."""
    # The first list looks whether the name is free; the second, whether it still was when it was taken.
    if how == "no answer":
        kubernetes.refuses = {at: [None, AWAY] if at == "list" else [AWAY]}
        with pytest.raises(UnavailableError):
            await call
    else:
        kubernetes.hangs = {at: 1 if at == "list" else 0}
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await call
    kubernetes.refuses, kubernetes.hangs = {}, {}


def password_of(kubernetes):
    (kept,) = kubernetes.secrets.values()
    assert kept["metadata"]["name"] == the_source(kubernetes)["spec"]["passwordSecret"]["name"]
    return base64.b64decode(kept["data"]["password"]).decode()


@pytest.mark.parametrize("how", CUT)
@pytest.mark.parametrize("at", POST)
def test_a_post_that_ends_half_way_leaves_nothing_and_can_be_sent_again(how, at):
    kubernetes = Kubernetes()
    sources, _ = service(kubernetes)

    async def twice():
        await cut_short(kubernetes, how, at, sources.create(fields(), secret("first")))
        assert (kubernetes.kept[names.SOURCE_PLURAL], kubernetes.secrets) == ({}, {})
        await sources.create(fields(), secret("second"))

    asyncio.run(twice())
    assert password_of(kubernetes) == "second"


@pytest.mark.parametrize("how", CUT)
def test_a_post_takes_nothing_back_that_somebody_else_made_of_that_name(how):
    kubernetes = Kubernetes()
    sources, _ = service(kubernetes)

    async def both():
        await sources.create(fields(), secret("theirs"))
        kubernetes.kept[names.SOURCE_PLURAL] = {"theirs": the_source(kubernetes)}
        # To this call it is not there yet.
        found, kubernetes.kept[names.SOURCE_PLURAL] = kubernetes.kept[names.SOURCE_PLURAL], {}
        kubernetes.between["create"] = lambda: kubernetes.kept[names.SOURCE_PLURAL].update(found)
        await cut_short(kubernetes, how, "answer to create", sources.create(fields(), secret("ours")))

    asyncio.run(both())
    assert list(kubernetes.kept[names.SOURCE_PLURAL]) == ["theirs"]
    assert password_of(kubernetes) == "theirs"


@pytest.mark.parametrize("how", CUT)
@pytest.mark.parametrize("at", PUT)
def test_a_put_that_ends_half_way_leaves_one_password(how, at):
    kubernetes = Kubernetes()
    sources, _ = service(kubernetes)

    async def change():
        made = await sources.create(fields(), secret("first"))
        for number in range(3):
            await cut_short(kubernetes, how, at, sources.replace(made["id"], fields(), secret(f"next {number}")))

    asyncio.run(change())
    assert password_of(kubernetes) == ("next 2" if at == "answer to patch" else "first")


def taken_by_another(kubernetes):
    """Somebody who does not ask the API takes the name `new`."""

    def take():
        other = source("other")
        kubernetes.kept[names.SOURCE_PLURAL]["other"] = {**other, "spec": {**other["spec"], "name": "new"}}

    return take


def ours(kubernetes):
    return next(one for one in kubernetes.kept[names.SOURCE_PLURAL].values() if one["metadata"]["uid"] != UID)


def test_a_rename_that_came_too_late_is_taken_back_with_all_that_was_written_along():
    kubernetes = Kubernetes()
    sources, _ = service(kubernetes)

    async def rename():
        made = await sources.create(fields(), secret("first"))
        before = ours(kubernetes)
        kubernetes.between["patch"] = taken_by_another(kubernetes)
        with pytest.raises(ConflictError, match=r"already exists$"):
            await sources.replace(made["id"], fields(name="new", host="other.example.com"), KEPT)
        return before

    before = asyncio.run(rename())
    after = ours(kubernetes)
    assert after["spec"] == before["spec"]
    assert after["metadata"]["annotations"] == before["metadata"]["annotations"]


def test_a_password_that_came_with_a_rename_stays_for_its_predecessor_may_be_gone():
    """Whoever changes the source in between removes what it does not refer to."""
    kubernetes = Kubernetes()
    sources, _ = service(kubernetes)

    async def rename():
        made = await sources.create(fields(), secret("first"))
        first = list(kubernetes.secrets)

        def meanwhile():
            taken_by_another(kubernetes)()
            del kubernetes.secrets[first[0]]

        kubernetes.between["patch"] = meanwhile
        with pytest.raises(ConflictError, match="already exists: all but the name was changed"):
            await sources.replace(made["id"], fields(name="new", host="other.example.com"), secret("second"))

    asyncio.run(rename())
    (kept,) = kubernetes.secrets.values()
    spec = ours(kubernetes)["spec"]
    assert (spec["name"], spec["host"]) == ("films", "other.example.com")
    assert spec["passwordSecret"]["name"] == kept["metadata"]["name"]
    assert base64.b64decode(kept["data"]["password"]).decode() == "second"


def test_what_others_wrote_before_a_rename_was_taken_back_stays():
    kubernetes = Kubernetes()
    sources, _ = service(kubernetes)

    async def rename():
        made = await sources.create(fields(), NONE)

        def meanwhile():
            taken_by_another(kubernetes)()
            found = ours(kubernetes)
            kubernetes._keep(names.SOURCE_PLURAL, {**found, "spec": {**found["spec"], "host": "theirs.example.com"}})

        kubernetes.between["patch"] = meanwhile
        with pytest.raises(ConflictError, match="already exists"):
            await sources.replace(made["id"], fields(name="new", host="ours.example.com"), KEPT)

    asyncio.run(rename())
    spec = ours(kubernetes)["spec"]
    assert (spec["name"], spec["host"]) == ("films", "theirs.example.com")


def test_a_rename_of_which_nobody_knows_whether_it_came_in_time_is_taken_back():
    kubernetes = Kubernetes()
    sources, _ = service(kubernetes)

    async def rename():
        made = await sources.create(fields(), NONE)
        await cut_short(kubernetes, "no answer", "list", sources.replace(made["id"], fields(name="new"), KEPT))

    asyncio.run(rename())
    assert the_source(kubernetes)["spec"]["name"] == "films"


def test_a_rename_that_could_not_be_taken_back_leaves_a_trace():
    kubernetes = Kubernetes()
    sources, _ = service(kubernetes)

    async def rename():
        made = await sources.create(fields(), NONE)
        kubernetes.refuses = {"list": [None, AWAY], "patch": [None, InvalidError("may not")]}
        with pytest.raises(UnavailableError) as caught:
            await sources.replace(made["id"], fields(name="new"), KEPT)
        return caught.value

    assert asyncio.run(rename()).notes == ["it could not be taken back: Kubernetes does not admit it: may not"]


@pytest.mark.looptime
@pytest.mark.parametrize("at", ["create secret", "answer to create secret"])
async def test_an_answer_waits_for_no_clean_up_for_ever(at):
    """Kubernetes may be slow to take back, too; the clean-up goes on then."""
    kubernetes = Kubernetes()
    sources, _ = service(kubernetes)
    kubernetes.hangs = {at: 0, "delete": 0, "delete secret": 0}
    began = asyncio.get_running_loop().time()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(30):
            await sources.create(fields(), secret("first"))
    assert asyncio.get_running_loop().time() - began <= 30 + 2 * LONGEST_SECONDS
    await asyncio.sleep(7200)
    assert kubernetes.kept[names.SOURCE_PLURAL] == {}


def test_a_password_that_is_refused_with_its_name_goes_again():
    kubernetes = Kubernetes()
    sources, _ = service(kubernetes)

    async def rename():
        made = await sources.create(fields(), secret("first"))
        kubernetes.refuses = {"patch": InvalidError("no")}
        with pytest.raises(InvalidError):
            await sources.replace(made["id"], fields(name="new"), secret("second"))

    asyncio.run(rename())
    assert password_of(kubernetes) == "first"


def test_a_source_whose_api_died_before_its_password_was_put_away_gets_another_by_put():
    kubernetes = Kubernetes()
    sources, _ = service(kubernetes)

    async def again():
        made = await sources.create(fields(), secret("first"))
        kubernetes.secrets.clear()
        the_source(kubernetes)["metadata"]["annotations"].pop(names.PASSWORD_SECRETS_ANNOTATION)
        await sources.replace(made["id"], fields(), secret("second"))

    asyncio.run(again())
    assert password_of(kubernetes) == "second"
