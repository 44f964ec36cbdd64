"""A due time is put on record before it is run, and run once, whatever comes between."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.operator.scheduling.server import Server

from headrace import names
from headrace.errors import ConflictError, UnavailableError
from headrace_operator.index import Index
from headrace_operator.scheduling.due import RunMaker
from headrace_operator.scheduling.schedules import Schedules
from headrace_operator.scheduling.skips import Skips
from headrace_operator.writes.events import Teller
from headrace_operator.writes.keeping import Keeper

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
SAVE, LIST, CREATE = "status etlschedules", "list etlruns", "create etlruns"
AWAY = UnavailableError("away", part="kubernetes")


class Operator:
    """One operator's view of the server."""

    def __init__(self, server: Server, clock: Callable[[], datetime]) -> None:
        self.server, self.index = server, Index()
        self.woken: list[str] = []
        cluster = server
        self.schedules = Schedules(
            cluster=cluster,  # type: ignore[arg-type]
            keeper=Keeper(cluster, self.index),  # type: ignore[arg-type]
            maker=RunMaker(cluster, self.index, installation="default", wake=self.woken.append),  # type: ignore[arg-type]
            skips=Skips(Teller(cluster)),  # type: ignore[arg-type]
            index=self.index,
            clock=clock,
        )

    async def look(self, *, told: bool = True) -> list[str]:
        """One look; the calls that it took. `told`: the watch is in step."""
        if told:
            self.server.tell(self.index)
        self.server.calls.clear()
        await self.schedules.look("minutely")
        return list(self.server.calls)

    async def look_until_it_settles(self) -> None:
        """As the queue would: again after a conflict, or when a part was away."""
        for _ in range(10):
            try:
                await self.look()
            except (ConflictError, UnavailableError):
                continue
            return


class World:
    """A pipeline, a schedule that is due each minute, and a clock that is moved by hand."""

    def __init__(self) -> None:
        self.server, self.now = Server(), BEGIN
        self.server.put(names.PIPELINE_PLURAL, "films", name="Films")
        spec = {"pipeline": "films", "kind": "INTERVAL", "expression": "1m", "maxConcurrency": 2}
        self.server.put(names.SCHEDULE_PLURAL, "minutely", **spec)

    def operator(self) -> Operator:
        return Operator(self.server, lambda: self.now)

    async def after(self, seconds: float) -> Operator:
        """An operator that knew the schedule before so much time passed."""
        operator = self.operator()
        await operator.look()
        self.now += timedelta(seconds=seconds)
        return operator

    @property
    def status(self) -> dict[str, object]:
        return dict(self.server.there[names.SCHEDULE_PLURAL, "minutely"]["status"])


@pytest.fixture
def world() -> World:
    return World()


async def test_a_schedule_that_is_not_due_costs_no_call(world):
    operator = await world.after(59)
    assert await operator.look() == []


async def test_a_due_time_costs_three_calls_besides_the_creation(world):
    operator = await world.after(60.2)
    assert await operator.look() == [LIST, SAVE, CREATE, SAVE]
    assert world.server.runs == ["2026-01-01T00:01:00Z"]
    assert (world.status["waiting"], world.status["active"]) == ([], 1)
    assert operator.woken == ["films"], "the event of what we made ourselves is no news"


async def test_at_max_concurrency_a_due_time_waits_and_runs_when_a_run_ends(world):
    operator = await world.after(60)
    for _ in range(3):
        await operator.look()
        world.now += timedelta(seconds=60)
    assert len(world.server.runs) == 2
    assert world.status["waiting"] == ["2026-01-01T00:03:00Z"]
    world.now -= timedelta(seconds=50)
    run = next(name for plural, name in world.server.there if plural == names.RUN_PLURAL)
    world.server.change(names.RUN_PLURAL, run, phase="SUCCESS")
    await operator.look()
    assert len(world.server.runs) == 3


@pytest.mark.parametrize("call", [LIST, SAVE, CREATE])
async def test_whatever_call_fails_the_due_time_runs_once(world, call):
    """A new process goes on where the one before was killed."""
    dying = await world.after(60)
    world.server.fail[call] = AWAY
    with pytest.raises(UnavailableError):
        await dying.look()
    await world.operator().look_until_it_settles()
    assert world.server.runs == ["2026-01-01T00:01:00Z"]
    assert world.status["waiting"] == []


async def test_what_is_saved_and_not_made_is_made_by_whoever_sees_it(world):
    """Nothing is to be saved before that creation: so the schedule is read live first."""
    dying = await world.after(60)
    world.server.fail[CREATE] = AWAY
    with pytest.raises(UnavailableError):
        await dying.look()
    assert await world.operator().look() == [LIST, "get etlschedules", CREATE, SAVE]


async def test_an_old_copy_is_refused_and_read_again(world):
    operator = await world.after(60)
    operator.server.tell(operator.index)
    world.server.change(names.SCHEDULE_PLURAL, "minutely", missed=7)
    with pytest.raises(ConflictError):
        await operator.look(told=False)
    assert world.server.runs == []
    await operator.look(told=False)
    assert world.server.runs == ["2026-01-01T00:01:00Z"]
    assert world.status["missed"] == 7


async def test_two_operators_without_a_lease_make_one_run(world):
    """The second one's copy is old: its save is refused, and then there is nothing left to do."""
    first, second = await world.after(60), world.operator()
    world.server.tell(second.index)
    await first.look()
    with pytest.raises(ConflictError):
        await second.look(told=False)
    await second.look()
    assert world.server.runs == ["2026-01-01T00:01:00Z"]
    assert world.status["active"] == 1


async def test_what_was_skipped_is_counted_and_told_once_an_hour(world):
    operator = await world.after(0)
    world.server.put(names.PIPELINE_PLURAL, "films", name="Films", suspend=True)
    for _ in range(3):
        world.now += timedelta(seconds=60)
        await operator.look()
    assert (world.server.runs, world.status["missed"]) == ([], 3)
    assert [(e["reason"], e["involvedObject"]["kind"]) for e in world.server.events] == [
        ("PipelinePaused", "EtlSchedule")
    ]


async def test_a_schedule_is_owned_by_its_pipeline(world):
    await world.after(0)
    owners = world.server.there[names.SCHEDULE_PLURAL, "minutely"]["metadata"]["ownerReferences"]
    assert [(o["kind"], o["uid"], o["controller"]) for o in owners] == [("EtlPipeline", "uid-films", True)]


async def test_a_pipeline_that_is_gone_owns_nothing(world):
    """Kubernetes would delete the schedule at once; a new pipeline of that name may be there already."""
    operator = world.operator()
    world.server.tell(operator.index)
    world.server.put(names.PIPELINE_PLURAL, "films", name="Films")["metadata"]["uid"] = "uid-new"
    await operator.look(told=False)
    assert "ownerReferences" not in world.server.there[names.SCHEDULE_PLURAL, "minutely"]["metadata"]


async def test_a_schedule_whose_pipeline_was_made_anew_is_left_to_be_deleted(world):
    """It was the former one's, and goes with it: nothing of it is run in the new one."""
    operator = await world.after(60)
    made_anew = world.server.put(names.PIPELINE_PLURAL, "films", created="2026-01-01T00:00:30Z", name="Films")
    made_anew["metadata"]["uid"] = "uid-new"
    await operator.look()
    assert world.server.runs == []


async def test_where_ownership_is_refused_it_is_due_all_the_same(world):
    world.server.fail["patch etlschedules"] = AWAY
    operator = await world.after(60)
    await operator.look()
    assert world.server.runs == ["2026-01-01T00:01:00Z"]


async def test_a_schedule_that_is_gone_is_nobodys_business(world):
    operator = world.operator()
    world.server.there.clear()
    assert await operator.look() == []
