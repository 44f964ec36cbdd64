"""A backfill makes so many runs at once, never one for a due time that has one, and goes on where it was killed."""

from datetime import UTC, datetime

import pytest
from tests.unit.operator.scheduling.server import Server

from headrace import names
from headrace.errors import UnavailableError
from headrace.store.records import DueRun
from headrace_operator.index import Index
from headrace_operator.scheduling.backfill_sights import runs_seen
from headrace_operator.scheduling.backfills import AWAY_SECONDS, Backfills
from headrace_operator.scheduling.due import RunMaker
from headrace_operator.writes.keeping import Keeper

NOW = datetime(2026, 1, 10, tzinfo=UTC)
RUN, BACKFILL = names.RUN_PLURAL, names.BACKFILL_PLURAL


class History:
    """What the store has of runs that are no resources any more."""

    def __init__(self) -> None:
        self.of_schedule: list[DueRun] = []
        self.away = False

    async def runs_of_schedule(self, _uid: str, _since: datetime, _until: datetime) -> list[DueRun]:
        if self.away:
            raise UnavailableError("away", part="postgres")
        return self.of_schedule

    async def runs_of_backfill(self, _uid: str) -> list[DueRun]:
        return []


class World:
    """A daily schedule, and a backfill of five days of it, two at once."""

    def __init__(self) -> None:
        self.server, self.store = Server(), History()
        self.server.put(names.PIPELINE_PLURAL, "films", name="Films")
        self.server.put(names.SCHEDULE_PLURAL, "nightly", pipeline="films", expression="0 2 * * *")
        times = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-06T00:00:00Z"}
        created = "2026-01-10T00:00:00Z"
        self.server.put(BACKFILL, "days", created=created, schedule="nightly", parallelism=2, **times)

    async def look(self) -> float | None:
        """A look by a process that has just begun."""
        index = Index()
        self.server.tell(index)
        maker = RunMaker(self.server, index, installation="default", wake=lambda _: None)  # type: ignore[arg-type]
        backfills = Backfills(
            cluster=self.server,  # type: ignore[arg-type]
            store=self.store,  # type: ignore[arg-type]
            keeper=Keeper(self.server, index),  # type: ignore[arg-type]
            maker=maker,
            index=index,
            clock=lambda: NOW,
        )
        return await backfills.look("days")

    def end(self, phase: str) -> None:
        """All its runs end so."""
        for plural, name in list(self.server.there):
            if plural == RUN and "phase" not in self.server.there[plural, name]["status"]:
                self.server.change(plural, name, phase=phase)

    @property
    def status(self) -> dict[str, object]:
        return dict(self.server.there[BACKFILL, "days"]["status"])

    @property
    def days(self) -> list[int]:
        return [int(due_at[8:10]) for due_at in self.server.runs]


@pytest.fixture
def world() -> World:
    return World()


async def test_so_many_runs_are_made_at_once_until_all_are_over(world):
    for days in ([1, 2], [1, 2, 3, 4], [1, 2, 3, 4, 5]):
        await world.look()
        assert world.days == days
        world.end("SUCCESS")
    await world.look()
    assert (world.status["phase"], world.status["progress"]) == ("SUCCESS", "5 of 5")
    world.server.calls.clear()
    await world.look()
    assert world.server.calls == [], "one that is over is left alone"


async def test_a_due_time_that_has_a_run_is_left_alone_be_it_pruned_or_of_another_name(world):
    stored = DueRun(
        due_at=datetime(2026, 1, 2, 2, tzinfo=UTC), run_id="r", run_name="by-another-backfill", status="FAILED"
    )
    world.store.of_schedule = [stored]
    await world.look()
    assert world.days == [1, 3]
    assert world.status["existing"] == 1


async def test_while_the_store_is_away_it_waits_and_says_so(world):
    world.store.away = True
    assert await world.look() == AWAY_SECONDS
    assert world.days == []
    conditions = world.status["conditions"]
    assert isinstance(conditions, list)
    assert [(c["status"], c["reason"]) for c in conditions if c["type"] == "Ready"] == [("Unknown", "WaitingForStore")]
    world.store.away = False
    await world.look()
    assert world.days == [1, 2]


async def test_killed_between_the_runs_it_goes_on_with_the_rest(world):
    world.server.fail[f"create {RUN}"] = UnavailableError("away", part="kubernetes")
    with pytest.raises(UnavailableError):
        await world.look()
    await world.look()
    assert world.days == [1, 2]


async def test_it_is_owned_by_its_schedule(world):
    await world.look()
    owners = world.server.there[BACKFILL, "days"]["metadata"]["ownerReferences"]
    assert [(o["kind"], o["name"]) for o in owners] == [("EtlSchedule", "nightly")]


def test_a_run_whose_resource_is_gone_never_ends():
    """It was deleted by hand: the store still has it at work, and the backfill would wait for ever."""
    backfill, schedule = ({"metadata": {"name": n, "uid": f"uid-{n}"}} for n in ("days", "nightly"))
    due_at = datetime(2026, 1, 2, 2, tzinfo=UTC)
    own = [DueRun(due_at=due_at, run_id="r", run_name=f"uid-nightly-{int(due_at.timestamp())}", status="RUNNING")]
    seen = runs_seen(backfill, schedule, [], own, own)
    assert [(run.ours, run.over, run.succeeded) for run in seen] == [(True, True, False)]
