"""The plan of a backfill: which due times are run, in which order, how many at once, and what its status says."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.schedules.times import cron, utc

from headrace.model.backfill import BackfillSpec
from headrace.schedules.backfill import due_times, is_done, plan_backfill
from headrace.schedules.backfill_seen import BackfillSeen, RunSeen

NOW = utc("2026-03-10 12:00:00")
SCHEDULE, BACKFILL = "5c4ed", "ba6f1"


@dataclass
class Place:
    """A cluster with one backfill and runs."""

    seen: BackfillSeen
    runs: dict[str, RunSeen] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    most_active: int = 0

    def look(self):
        """Saves the status and makes the runs of one plan, and again, until there is nothing to make."""
        while True:
            self.seen = replace(self.seen, runs=tuple(self.runs.values()))
            plan = plan_backfill(self.seen)
            self.seen = replace(self.seen, status=plan.status)
            for run in plan.create:
                self.create(run.name)
            if not plan.create:
                return plan.status

    def create(self, name):
        if name not in self.runs:
            self.runs[name] = RunSeen(name=name, ours=True)
            self.made.append(name)
        self.most_active = max(self.most_active, sum(not run.over for run in self.runs.values() if run.ours))

    def end(self, name, *, succeeded=True):
        self.runs[name] = replace(self.runs[name], over=True, succeeded=succeeded)

    def end_all(self, *, succeeded=True):
        for name in [name for name, run in self.runs.items() if not run.over]:
            self.end(name, succeeded=succeeded)

    def edit(self, **changes):
        spec = self.seen.spec.model_copy(update=changes)
        self.seen = replace(self.seen, spec=spec, generation=self.seen.generation + 1)


def place(since="2026-03-01T00:00:00Z", to="2026-03-04T00:00:00Z", expression="0 0 * * *", **spec):
    """A place with a backfill of three days at midnight."""
    parsed = BackfillSpec.model_validate({"schedule": "nightly", "from": since, "to": to} | spec)
    seen = BackfillSeen(
        now=NOW,
        uid=BACKFILL,
        generation=1,
        created_at=NOW,
        spec=parsed,
        schedule=cron(expression),
        schedule_uid=SCHEDULE,
    )
    return Place(seen)


def name(day, root=SCHEDULE, suffix=""):
    return f"{root}-{int(utc(f'2026-03-{day:02}').timestamp())}{suffix}"


def conditions(status):
    return {c.type: (c.status, c.reason) for c in status.conditions}


def test_the_range_holds_its_beginning_and_not_its_end():
    spec = place().seen.spec
    assert due_times(cron("0 0 * * *"), spec, NOW) == tuple(utc(f"2026-03-0{day}") for day in (1, 2, 3))


def test_due_times_after_the_backfill_was_made_are_the_schedules_own():
    spec = place(to="2027-01-01T00:00:00Z").seen.spec
    assert due_times(cron("0 12 * * *"), spec, NOW)[-1] == NOW
    assert due_times(cron("0 13 * * *"), spec, NOW)[-1] == utc("2026-03-09 13:00")


ORDERS = {"oldestFirst": [1, 2, 3], "newestFirst": [3, 2, 1]}


@pytest.mark.parametrize(("order", "days"), ORDERS.items(), ids=ORDERS)
def test_runs_are_made_in_order_one_when_the_one_before_it_is_over(order, days):
    it = place(order=order)
    for i, day in enumerate(days):
        status = it.look()
        assert (status.phase, status.active, status.progress) == ("RUNNING", 1, f"{i} of 3")
        assert it.made == [name(d) for d in days[: i + 1]]
        it.end(name(day))
    status = it.look()
    assert (status.phase, status.succeeded, status.progress) == ("SUCCESS", 3, "3 of 3")
    assert conditions(status) == {
        "Ready": ("True", "Valid"),
        "Complete": ("True", "Succeeded"),
        "Failed": ("False", "Succeeded"),
    }
    assert status.finished_at is not None
    assert is_done(it.seen)


def test_so_many_are_unfinished_at_once_as_parallelism_says():
    it = place(parallelism=2)
    it.look()
    assert it.made == [name(1), name(2)]
    it.end(name(2))
    it.look()
    assert it.made == [name(1), name(2), name(3)]


def test_each_run_knows_its_interval():
    (run,) = plan_backfill(place(since="2026-03-02T00:00:00Z", expression="0 0 * * mon").seen).create
    assert (run.interval_start, run.due_at) == (utc("2026-02-23"), utc("2026-03-02"))


def test_a_pause_makes_no_further_run_and_what_was_made_goes_on():
    it = place(suspend=True)
    status = it.look()
    assert (it.made, status.phase, status.started_at, conditions(status)["Complete"]) == (
        [], "PAUSED", None, ("False", "Paused"),
    )  # fmt: skip
    it.edit(suspend=False)
    it.look()
    it.edit(suspend=True)
    it.end(name(1))
    status = it.look()
    assert (it.made, status.phase, status.progress) == ([name(1)], "PAUSED", "1 of 3")


def test_a_due_time_that_has_a_run_is_left_alone_whatever_came_of_it():
    it = place()
    it.runs = {name(2): RunSeen(name=name(2), over=True, succeeded=False), name(3): RunSeen(name=name(3))}
    it.look()
    it.end(name(1))
    status = it.look()
    assert it.made == [name(1)]
    assert (status.phase, status.succeeded, status.existing) == ("SUCCESS", 3, 2)


def test_rerun_runs_all_again_under_names_of_its_own():
    it = place(rerun=True, parallelism=3)
    it.runs = {name(2): RunSeen(name=name(2), over=True, succeeded=True)}
    it.look()
    assert it.made == [name(day, BACKFILL) for day in (1, 2, 3)]


def test_failed_ones_are_told_and_run_again_when_retry_is_raised():
    it = place(parallelism=3)
    it.look()
    it.end(name(1), succeeded=False)
    it.end_all()
    status = it.look()
    assert (status.phase, status.failed, status.progress) == ("FAILED", 1, "3 of 3, 1 failed")
    assert [(f.due_at, f.run) for f in status.failed_runs] == [("2026-03-01T00:00:00Z", name(1))]
    assert conditions(status)["Failed"] == ("True", "RunsFailed")
    assert is_done(it.seen)

    it.edit(retry=2)
    status = it.look()
    assert (status.phase, status.progress, status.finished_at) == ("RUNNING", "2 of 3", None)
    it.end(name(1, suffix="-r2"), succeeded=False)
    assert it.look().phase == "FAILED"

    it.edit(retry=3)
    it.look()
    it.end_all()
    status = it.look()
    assert (status.phase, status.progress, status.failed_runs) == ("SUCCESS", "3 of 3", [])
    assert it.made[3:] == [name(1, suffix="-r2"), name(1, suffix="-r3")]


def test_a_range_without_a_due_time_is_done_at_once():
    status = place("2026-03-01T01:00:00Z", "2026-03-01T02:00:00Z").look()
    assert (status.phase, status.total, status.progress) == ("SUCCESS", 0, "0 of 0")


BAD = {
    "more due times than 100,000": ({"since": "2025-01-01T00:00:00Z", "expression": "* * * * *"}, "100,000"),
    "from is no time": ({"since": "yesterday"}, "from is no time"),
    "to has no zone": ({"to": "2026-03-04T00:00:00"}, "to is no time with a zone"),
    "to is before from": ({"to": "2026-02-04T00:00:00Z"}, "before to"),
    "to is from": ({"to": "2026-03-01T00:00:00Z"}, "before to"),
}


@pytest.mark.parametrize(("changes", "words"), BAD.values(), ids=BAD)
def test_a_bad_range_fails_it_in_words(changes, words):
    it = place(**changes)
    status = it.look()
    ready = next(c for c in status.conditions if c.type == "Ready")
    assert (it.made, status.phase, ready.reason) == ([], "FAILED", "InvalidSpec")
    assert words in ready.message


def test_a_hundred_thousand_due_times_are_taken():
    minutes = utc("2026-03-01") - timedelta(minutes=100_000)
    it = place(minutes.isoformat(), "2026-03-01T00:00:00Z", "* * * * *")
    assert it.look().total == 100_000


MISSING = {
    "schedule": ({"schedule": None}, "ScheduleMissing"),
    "pipeline": ({"has_pipeline": False}, "PipelineMissing"),
    "a valid expression": ({"schedule": cron("61 * * * *")}, "ScheduleMissing"),
}


@pytest.mark.parametrize(("lack", "reason"), MISSING.values(), ids=MISSING)
def test_what_it_lacks_may_come(lack, reason):
    it = place()
    whole = it.seen
    it.seen = replace(whole, **lack)
    status = it.look()
    assert (it.made, status.phase, conditions(status)["Ready"]) == ([], "PENDING", ("False", reason))
    it.seen = replace(whole, status=status)
    assert it.look().phase == "RUNNING"


@given(
    st.integers(1, 5),
    st.sampled_from(["oldestFirst", "newestFirst"]),
    st.lists(st.sampled_from(["look", "end", "fail", "pause", "resume", "retry", "stale"]), max_size=60),
)
def test_each_due_time_is_run_once_and_again_only_when_asked(parallelism, order, acts):
    it = place("2026-03-01T00:00:00Z", "2026-03-09T00:00:00Z", parallelism=parallelism, order=order)
    stale = plan_backfill(it.seen)
    for act in acts:
        match act:
            case "look":
                it.look()
            case "end" | "fail":
                unfinished = [n for n, run in it.runs.items() if not run.over]
                if unfinished:
                    it.end(unfinished[0], succeeded=act == "end")
            case "pause" | "resume":
                it.edit(suspend=act == "pause")
            case "retry":
                it.edit(retry=it.seen.spec.retry + 1)
            case "stale":
                # Somebody who planned long ago makes its runs now: they are there already.
                [it.create(run.name) for run in stale.create]
        assert it.most_active <= parallelism
    it.edit(suspend=False)
    while not is_done(it.seen):
        it.look()
        it.end_all()
    assert len(it.made) == len(set(it.made))
    firsts = [made for made in it.made if "-r" not in made]
    assert firsts == [name(day) for day in (range(1, 9) if order == "oldestFirst" else range(8, 0, -1))]
    assert it.seen.status.succeeded + it.seen.status.failed == it.seen.status.total == 8
