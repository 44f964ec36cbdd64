"""A small world: one schedule in a cluster that refuses old writes, and operators that may die between two steps."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tests.unit.schedules.times import utc

from headrace.model.schedule import ScheduleSpec, ScheduleStatus
from headrace.model.times import from_text
from headrace.schedules.observed import PipelineFacts, RunOfDue, ScheduleSeen
from headrace.schedules.plan import SchedulePlan, plan_schedule

START = utc("2026-03-01 00:00:07")


@dataclass
class Resource:
    """An EtlSchedule, as the cluster has it."""

    spec: ScheduleSpec
    changed_at: datetime = START
    status: ScheduleStatus = field(default_factory=ScheduleStatus)
    version: int = 1
    generation: int = 1


@dataclass
class World:
    """The cluster; `now` is its clock, that of operators is ahead by `ahead`."""

    schedule: Resource
    pipeline: PipelineFacts | None = field(default_factory=PipelineFacts)
    now: datetime = START
    ahead: timedelta = timedelta(0)
    runs: dict[datetime, bool] = field(default_factory=dict)
    """Due times that have a run, in the order in which those were made; whether it is over."""
    most_active: int = 0

    def see(self) -> tuple[int, ScheduleSeen]:
        """What an operator sees, and the version that it has of the schedule."""
        it = self.schedule
        seen = ScheduleSeen(
            now=self.now + self.ahead,
            uid="5f0c1d9e",
            generation=it.generation,
            created_at=START,
            changed_at=it.changed_at,
            spec=it.spec,
            status=it.status,
            pipeline=self.pipeline,
            runs=tuple(RunOfDue(due_at=due, over=over) for due, over in self.runs.items()),
        )
        return it.version, seen

    def save(self, version: int, status: ScheduleStatus) -> bool:
        """Whether the status was taken: not when the schedule has moved on."""
        it = self.schedule
        if version != it.version:
            return False
        if status != it.status:
            self.schedule = replace(it, status=status, version=version + 1)
        return True

    def create(self, due: datetime) -> bool:
        """Makes a run; whether it was not there yet."""
        is_new = due not in self.runs
        self.runs.setdefault(due, False)
        self.most_active = max(self.most_active, sum(not over for over in self.runs.values()))
        return is_new

    def finish(self) -> None:
        """The oldest run that is not over ends."""
        due = next((due for due, over in self.runs.items() if not over), None)
        if due is not None:
            self.runs[due] = True

    def edit(self, **changes: object) -> None:
        """Somebody applies another specification."""
        it = self.schedule
        spec = it.spec.model_copy(update=changes)
        self.schedule = replace(
            it, spec=spec, changed_at=self.now, version=it.version + 1, generation=it.generation + 1
        )

    @property
    def status(self) -> ScheduleStatus:
        return self.schedule.status

    @property
    def waiting(self) -> list[datetime]:
        return [due for due in map(from_text, self.status.waiting) if due]

    @property
    def cursor(self) -> datetime:
        return from_text(self.status.handled_until) or START


@dataclass
class Operator:
    """Takes one step at a time: sees and plans, saves, makes a run, makes another."""

    world: World
    version: int = 0
    planned: SchedulePlan | None = None
    to_make: list[datetime] = field(default_factory=list)
    plans: list[SchedulePlan] = field(default_factory=list)
    """All that were saved."""

    def step(self) -> None:
        """The next step."""
        if self.to_make:
            self.world.create(self.to_make.pop(0))
        elif self.planned is None:
            self.version, seen = self.world.see()
            self.planned = plan_schedule(seen)
        else:
            planned, self.planned = self.planned, None
            if self.world.save(self.version, planned.status):
                self.plans.append(planned)
                self.to_make = [due.due_at for due in planned.create]

    def crash(self) -> None:
        """All that it had in mind is gone."""
        self.planned, self.to_make = None, []

    def look(self) -> SchedulePlan:
        """Looks again and again until there is nothing more to do now; the last plan."""
        for _ in range(10_000):
            self.step()
            while self.planned or self.to_make:
                self.step()
            wake_at = self.plans[-1].wake_at
            if wake_at is None or wake_at > self.world.now + self.world.ahead:
                return self.plans[-1]
        raise AssertionError("it never comes to rest")


def world(expression: str = "* * * * *", kind: str = "CRON", **spec: object) -> World:
    """A world with such a schedule."""
    manifest = {"pipeline": "p", "kind": kind, "expression": expression} | spec
    return World(Resource(ScheduleSpec.model_validate(manifest)))
