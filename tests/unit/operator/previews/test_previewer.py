"""A preview from its creation to its removal; also when the operator dies between any two of its calls."""

import asyncio
from datetime import timedelta
from itertools import count

import pytest
from tests.unit.operator.previews.world import DiedError, World, secret

from headrace import names
from headrace.errors import ConflictError
from headrace_operator.credentials.ends import Ends
from headrace_operator.credentials.secrets import RunSecrets
from headrace_operator.index import Index
from headrace_operator.pipelines.slots import Slots
from headrace_operator.previews.hands import Hands
from headrace_operator.previews.observe import Observer
from headrace_operator.previews.previewer import Previewer
from headrace_operator.previews.room import Room
from headrace_operator.settings import Settings

SETTINGS = Settings(store_dsn="postgresql://x")
DSN = "postgresql://reader:planted@db/films"


class Process:
    """An operator from its start to its death, as far as previews go."""

    def __init__(self, world: World, *, bound: int | None = None):
        self.world, self.index = world, Index()
        for (plural, _), resource in world.there.items():
            if plural in {names.SOURCE_PLURAL, names.DESTINATION_PLURAL}:
                self.index.put(plural, resource)
        self.slots = Slots(10, lambda _: None, bound_of=lambda _: bound)
        self.room = Room(self.slots)
        ends = Ends(world, installation="headrace-dsn")
        observer = Observer(
            cluster=world, watch=world, index=self.index, ends=ends, room=self.room, limits=SETTINGS.limits,
            clock=world.now,
        )  # fmt: skip
        hands = Hands(
            cluster=world, store=world, index=self.index, secrets=RunSecrets(world, ends), room=self.room,
            settings=SETTINGS, wake_waiting=lambda: None,
        )  # fmt: skip
        self._previewer = Previewer(observer=observer, hands=hands, cluster=world, index=self.index)

    async def look(self, name="films"):
        try:
            return await self._previewer.look(name)
        except ConflictError:
            return 0.05

    async def until(self, is_so, name="films"):
        for _ in range(30):
            if is_so():
                return
            await self.look(name)
        pytest.fail(f"it did not come so far: {self.world.status(name)}")


def world_with(*, preview=None, **fields):
    world = World(**fields)
    world.put(
        names.SOURCE_PLURAL, "default", {"name": "x", "connectionSecret": {"name": "headrace-dsn", "key": "source"}}
    )
    world.put("secrets", "headrace-dsn", {}, **secret(source=DSN))
    world.put(names.RUN_PLURAL, "films", {"kind": "Preview", "preview": preview or {}})
    return world


def is_released(world):
    return lambda: world.status("films").get("archived")


async def test_a_preview_succeeds_and_leaves_nothing_but_itself_for_ten_minutes():
    world = world_with(outcome="DONE")
    process = Process(world)
    await process.until(is_released(world))
    uid = world.there[names.RUN_PLURAL, "films"]["metadata"]["uid"]
    assert world.status("films")["phase"] == "SUCCESS"
    assert world.rows == {uid: "SUCCESS"}
    assert world.specs[uid].kind == "Preview"
    assert (world.names_of("jobs"), world.names_of("secrets")) == ([], ["headrace-dsn"])
    assert process.room.at_work == {}
    world.passed = timedelta(seconds=599)
    await process.look()
    assert world.names_of(names.RUN_PLURAL) == ["films"]
    world.passed = timedelta(seconds=600)
    await process.look()
    assert world.names_of(names.RUN_PLURAL) == []


async def test_its_job_is_tried_once_ends_in_any_case_and_holds_no_password():
    world = world_with()
    process = Process(world)
    await process.until(lambda: world.made)
    (name,) = world.names_of("jobs")
    job = world.there["jobs", name]
    assert job["spec"]["backoffLimit"] == 0
    assert job["spec"]["activeDeadlineSeconds"] == 60
    assert names.PIPELINE_LABEL not in job["metadata"]["labels"]
    assert "planted" not in str(job)
    assert "HEADRACE_TARGET_DSN_FILE" not in str(job)
    run = world.there[names.RUN_PLURAL, "films"]
    assert job["spec"]["template"]["metadata"]["annotations"] == {"headrace.dev/source": "default"}
    assert [owner["kind"] for owner in run["metadata"]["ownerReferences"]] == ["EtlSource"]
    assert "planted" not in str(run)


@pytest.mark.parametrize("outcome", ["DONE", "FAILED"])
@pytest.mark.parametrize("after", [False, True])
async def test_whenever_the_operator_dies_the_next_one_brings_it_to_its_end_with_one_job(outcome, after):
    for number in count(1):
        world = world_with(outcome=outcome, message="no such table", dies_at=number, after=after)
        process = Process(world)
        try:
            await process.until(is_released(world))
        except DiedError:
            process = Process(world)
            await process.until(is_released(world))
        else:
            assert number > 7
            break
        assert world.status("films")["phase"] == ("SUCCESS" if outcome == "DONE" else "FAILED")
        assert len(set(world.made)) == 1
        assert (world.names_of("jobs"), world.names_of("secrets")) == ([], ["headrace-dsn"])
        assert set(world.rows.values()) == {world.status("films")["phase"]}
        assert process.room.at_work == {}


@pytest.mark.parametrize("after", [False, True])
async def test_whenever_the_operator_dies_what_is_asked_to_be_shown_is_shown(after):
    found = {"columns": [{"name": "one", "type": "text"}], "rows": [["a\x9f", None]], "truncated": False}
    for number in count(1):
        world = world_with(preview={"show": True}, outcome="DONE", found=found, dies_at=number, after=after)
        try:
            await Process(world).until(is_released(world))
        except DiedError:
            await Process(world).until(is_released(world))
        else:
            assert number > 7
            break
        assert world.status("films")["preview"] == {**found, "rows": [["a\ufffd", None]]}


@pytest.mark.parametrize("found", [{"error": "The source: invalid input syntax: 'a row'"}, None])
async def test_why_one_failed_is_shown_in_full_where_that_was_asked_for(found):
    world = world_with(preview={"show": True}, outcome="FAILED", message="the query failed", found=found)
    await Process(world).until(is_released(world))
    assert world.status("films")["errorMessage"] == "the query failed"
    assert world.status("films").get("preview") == found


@pytest.mark.parametrize("preview", [{}, {"show": False}])
@pytest.mark.parametrize("outcome", ["DONE", "FAILED"])
async def test_nothing_is_shown_that_was_not_asked_for(preview, outcome):
    world = world_with(preview=preview, outcome=outcome, found={"tables": [], "truncated": False})
    await Process(world).until(is_released(world))
    assert "preview" not in world.status("films")


@pytest.mark.parametrize(
    ("preview", "message"),
    [
        ({"source": "nowhere"}, "nowhere"),
        ({"sourceQuery": "DROP TABLE x"}, "must be a SELECT"),
        ({"sourceQuery": "SELECT 1", "targetTable": "analytics.film_dim"}, "default"),
        ({"sourceQuery": "SELECT 1", "targetTable": "secret.table"}, "is not allowed"),
    ],
)
async def test_what_can_not_be_shown_fails_at_the_first_look_and_makes_nothing(preview, message):
    world = world_with(preview=preview)
    process = Process(world)
    await process.look()
    assert world.status("films")["phase"] == "FAILED"
    assert message in world.status("films")["errorMessage"]
    await process.until(is_released(world))
    assert (world.made, world.rows) == ([], {})


async def test_a_destination_of_another_type_is_called_by_its_name():
    """Also where it is the default one, which nobody named."""
    world = world_with(preview={"sourceQuery": "SELECT 1", "targetTable": "analytics.film_dim"})
    world.put(names.DESTINATION_PLURAL, "default", {"name": "x", "type": "elasticsearch", "host": "search"})
    await Process(world).look()
    said = "the destination 'default' is of type elasticsearch: a table needs one of type postgres"
    assert world.status("films")["errorMessage"].endswith(said)


async def test_one_that_is_cancelled_has_its_pod_ended_and_then_lets_go():
    world = world_with()
    process = Process(world)
    await process.until(lambda: world.made)
    world.there[names.RUN_PLURAL, "films"]["spec"]["cancel"] = True
    await process.look()
    assert world.status("films")["phase"] == "CANCELLED"
    assert process.room.at_work
    await process.until(is_released(world))
    assert process.room.at_work == {}
    assert world.names_of("jobs") == []


async def test_one_that_is_deleted_keeps_its_connection_until_its_job_is_gone():
    world = world_with()
    process = Process(world)
    await process.until(lambda: world.made)
    del world.there[names.RUN_PLURAL, "films"]
    assert await process.look() == 1.0
    assert process.room.at_work
    (job,) = world.names_of("jobs")
    del world.there["jobs", job]
    assert await process.look() is None
    assert process.room.at_work == {}


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("pods", "seconds"),
    [([], 0), (["Succeeded", "Failed"], 0), (["Running"], 60)],
    ids=["gone", "ended", "a dead node"],
)
async def test_one_that_is_deleted_waits_for_its_pod_so_long_and_no_longer(pods, seconds):
    world = world_with()
    process = Process(world)
    await process.until(lambda: world.made)
    del world.there[names.RUN_PLURAL, "films"]
    (job,) = world.names_of("jobs")
    del world.there["jobs", job]
    world.pods = pods
    waited = 0.0
    while (delay := await process.look()) is not None and waited < 100:
        waited += delay
        await asyncio.sleep(delay)
    assert (waited, process.room.at_work) == (seconds, {})


async def test_one_that_is_made_anew_under_its_name_waits_for_the_end_of_the_old_one_and_has_its_own_turn():
    world = world_with()
    process = Process(world)
    await process.until(lambda: world.made)
    (old,) = process.room.at_work
    world.put(names.RUN_PLURAL, "films", {"kind": "Preview", "preview": {}})
    new = world.there[names.RUN_PLURAL, "films"]["metadata"]["uid"] = "00000000-0000-0000-0000-00000000000a"
    assert await process.look() == 1.0
    assert (set(process.room.at_work), len(world.made)) == ({old}, 1)
    (job,) = world.names_of("jobs")
    del world.there["jobs", job]
    await process.until(lambda: len(world.made) == 2)
    assert set(process.room.at_work) == {new}
    world.outcome = "DONE"
    await process.until(is_released(world))
    assert process.room.at_work == {}


def test_a_turn_is_not_given_to_another_one_of_the_same_name():
    room = Room(Slots(10, lambda _: None))
    assert room.take("films", "old", "shop", None) is None
    assert room.take("films", "old", "shop", None) is None
    waits = room.take("films", "new", "shop", None)
    assert waits is not None
    assert (room.uid("films"), waits.message) == ("old", "the preview that had its name before it has not ended")


async def test_two_of_a_source_are_at_work_at_once_and_the_next_waits_for_its_turn():
    world = world_with()
    for name in ("books", "music"):
        world.put(names.RUN_PLURAL, name, {"kind": "Preview", "preview": {}})
    process = Process(world)
    for name in ("films", "books", "music"):
        await process.look(name)
    assert len(world.made) == 2
    assert world.status("music")["phase"] == "PENDING"
    world.outcome = "DONE"
    await process.until(is_released(world))
    await process.look("music")
    assert len(world.made) == 3


async def test_without_a_free_connection_it_waits_for_20_s_and_then_says_so():
    world = world_with()
    world.there[names.SOURCE_PLURAL, "default"]["spec"]["maxConnections"] = 2
    process = Process(world, bound=1)
    process.slots.hold_source("default", "somebody else")
    await process.look()
    assert world.status("films")["phase"] == "PENDING"
    world.passed = timedelta(seconds=20)
    await process.look()
    assert world.status("films")["phase"] == "FAILED"
    assert "maxConnections" in world.status("films")["errorMessage"]
    assert world.made == []


async def test_one_that_is_deleted_while_it_waits_leaves_the_line():
    world = world_with()
    world.there[names.SOURCE_PLURAL, "default"]["spec"]["maxConnections"] = 2
    process = Process(world, bound=1)
    process.slots.hold_source("default", "somebody else")
    await process.look()
    assert process.slots.source_use("default", "").line == ("preview/films",)
    del world.there[names.RUN_PLURAL, "films"]
    await process.look()
    assert process.slots.source_use("default", "").line == ()
