"""The plan of one schedule: what is run, what waits, what is counted, and when to look again."""

from datetime import timedelta

import pytest
from tests.unit.schedules.times import utc
from tests.unit.schedules.world import START, Operator, world

from headrace.model.conditions import Reason
from headrace.model.schedule import CatchUp
from headrace.schedules.observed import PipelineFacts


def at(text):
    """A moment of the world's first day."""
    return utc(f"2026-03-01 {text}")


def runs(it):
    return [due.strftime("%H:%M") for due in it.runs]


def conditions(it):
    return {c.type: (c.status, c.reason) for c in it.status.conditions}


def looked_at(it, moment):
    """The world at that moment, looked at."""
    it.now = at(moment)
    return Operator(it).look()


def test_a_due_time_is_on_record_before_its_run_is_made():
    """A crash between the two loses nothing: whoever looks next finds it waiting."""
    it, operator = world(), Operator(world())
    operator.world = it
    operator.look()
    it.now = at("00:01:00.2")
    operator.step()
    operator.step()
    assert (it.waiting, runs(it)) == ([at("00:01")], [])
    operator.crash()
    operator.look()
    assert (it.waiting, runs(it)) == ([], ["00:01"])
    assert it.status.last_run_at == "2026-03-01T00:01:00Z"


def test_a_look_before_the_first_due_time_says_when_that_is():
    it = world("30 2 * * *", timezone="Europe/Berlin")
    plan = Operator(it).look()
    assert plan.wake_at == at("01:30")
    assert it.status.next_run_at == "2026-03-01T01:30:00Z"
    assert it.status.handled_until == "2026-03-01T00:00:07.000000Z"
    assert conditions(it) == {
        "Ready": ("True", "Valid"),
        "Suspended": ("False", "NotSuspended"),
        "Waiting": ("False", "NothingWaits"),
    }


def test_a_look_that_finds_nothing_new_changes_nothing():
    it = world("0 * * * *")
    looked_at(it, "00:10:00")
    version = it.schedule.version
    looked_at(it, "00:20:00")
    assert it.schedule.version == version


def test_a_run_knows_its_interval():
    it = world("0 9-17 * * mon-fri", maxConcurrency=100)
    it.now = utc("2026-03-09 09:00:01")
    operator = Operator(it)
    operator.look()
    made = [due for plan in operator.plans for due in plan.create]
    assert [(due.interval_start, due.due_at) for due in made][-1] == (
        utc("2026-03-06 17:00"),
        utc("2026-03-09 09:00"),
    )


OUTAGE = {
    "all": (["01:00", "02:00", "03:00"], 0),
    "last": (["03:00"], 2),
    "none": ([], 3),
}


@pytest.mark.parametrize(("catch_up", "expected", "missed"), [(c, *e) for c, e in OUTAGE.items()], ids=OUTAGE)
def test_after_an_outage_catch_up_decides(catch_up, expected, missed):
    it = world("0 * * * *", catchUp=catch_up, maxConcurrency=10)
    looked_at(it, "03:40:00")
    assert runs(it) == expected
    assert it.status.missed == missed
    assert it.status.reasons == ({"Missed": missed} if missed else {})
    looked_at(it, "04:00:00")
    assert runs(it) == [*expected, "04:00"]


@pytest.mark.parametrize(("seconds", "is_run"), [(30, True), (30.000001, False)])
def test_what_is_attended_to_within_30_seconds_is_on_time(seconds, is_run):
    it = world("0 * * * *", catchUp="none")
    it.now = at("01:00") + timedelta(seconds=seconds)
    Operator(it).look()
    assert bool(it.runs) == is_run


def test_the_last_one_is_the_last_of_all_however_many_looks_an_outage_takes():
    it = world("1s", "INTERVAL", catchUp="last", maxConcurrency=100)
    looked_at(it, "09:00:00")
    late = at("08:59:29")
    assert (it.status.missed, next(iter(it.runs))) == ((late - START).total_seconds() - 1, late)
    assert len(it.runs) == 32


def test_a_long_outage_is_accounted_for_in_bounded_looks():
    it = world("1s", "INTERVAL", catchUp="none")
    it.now = at("09:00:00")
    operator = Operator(it)
    operator.step()
    operator.step()
    assert operator.plans[0].wake_at == it.now
    assert (it.status.missed, it.cursor) == (10_000, START + timedelta(seconds=10_000))
    assert [(s.reason, s.count, s.first) for s in operator.plans[0].skipped] == [
        (Reason.MISSED, 10_000, START + timedelta(seconds=1))
    ]


SKIPPED = {
    "paused": (PipelineFacts(suspended=True), "PipelinePaused", ("True", "Valid")),
    "disabled": (PipelineFacts(enabled=False), "PipelineDisabled", ("True", "Valid")),
    "missing": (None, "PipelineMissing", ("False", "PipelineMissing")),
    "a stream": (PipelineFacts(streaming=True), "NotSupported", ("False", "NotSupported")),
}


@pytest.mark.parametrize(("pipeline", "reason", "ready"), SKIPPED.values(), ids=SKIPPED)
def test_what_can_not_be_run_is_skipped_and_counted_whatever_catch_up_says(pipeline, reason, ready):
    it = world(catchUp="all")
    it.pipeline = pipeline
    looked_at(it, "00:03:10")
    assert (runs(it), it.waiting, it.status.missed, it.status.reasons) == ([], [], 3, {reason: 3})
    assert it.status.last_missed.model_dump() == {"due_at": "2026-03-01T00:03:00Z", "reason": reason}
    assert conditions(it)["Ready"] == ready


def test_at_max_concurrency_due_times_wait_oldest_first():
    it = world(maxConcurrency=2)
    for minute in range(1, 6):
        looked_at(it, f"00:0{minute}:00")
    assert (runs(it), it.waiting) == (["00:01", "00:02"], [at("00:03"), at("00:04"), at("00:05")])
    assert (it.status.active, conditions(it)["Waiting"]) == (2, ("True", "RunsUnfinished"))
    it.finish()
    looked_at(it, "00:05:30")
    assert (runs(it)[2:], it.waiting) == (["00:03"], [at("00:04"), at("00:05")])


def test_at_most_a_hundred_wait_and_the_cursor_waits_with_the_others():
    it = world("10s", "INTERVAL", catchUp="all")
    looked_at(it, "01:00:00")
    assert (len(it.runs), len(it.waiting), it.cursor) == (1, 100, START + timedelta(seconds=1010))
    it.finish()
    looked_at(it, "01:00:00")
    assert (len(it.runs), len(it.waiting), it.cursor) == (2, 100, START + timedelta(seconds=1020))
    assert it.status.missed == 0


def test_what_waits_while_the_pipeline_is_paused_goes_on_waiting():
    it = world()
    looked_at(it, "00:01:00")
    looked_at(it, "00:02:00")
    it.pipeline = PipelineFacts(suspended=True)
    it.finish()
    looked_at(it, "00:03:00")
    assert (runs(it), it.waiting, it.status.reasons) == (["00:01"], [at("00:02")], {"PipelinePaused": 1})
    it.pipeline = PipelineFacts()
    looked_at(it, "00:03:20")
    assert runs(it) == ["00:01", "00:02"]


def test_what_could_not_be_started_within_its_deadline_is_counted_at_that_moment():
    it = world("0 * * * *", startingDeadline="20m", catchUp="all")
    looked_at(it, "01:00:00")
    plan = looked_at(it, "02:00:00")
    assert (it.waiting, plan.wake_at) == ([at("02:00")], at("02:20:00.000001"))
    looked_at(it, "02:20:00")
    assert it.waiting == [at("02:00")]
    it.now = plan.wake_at
    Operator(it).look()
    assert (it.waiting, it.status.reasons) == ([], {"DeadlineExceeded": 1})
    looked_at(it, "05:10:00")
    assert (it.waiting, it.status.reasons) == ([at("05:00")], {"DeadlineExceeded": 3})


def test_a_disabled_schedule_is_not_due_and_begins_with_the_next_when_it_is_enabled():
    it = world("0 * * * *", catchUp="all")
    looked_at(it, "01:00:00")
    it.now = at("01:30:00")
    it.edit(enabled=False)
    assert looked_at(it, "01:30:01").wake_at is None
    assert (it.status.next_run_at, conditions(it)["Suspended"]) == (None, ("True", "Disabled"))
    looked_at(it, "05:10:00")
    it.edit(enabled=True)
    it.finish()
    looked_at(it, "06:00:10")
    assert (runs(it), it.status.missed) == (["01:00", "06:00"], 0)


def test_what_waited_or_was_due_unseen_when_it_was_disabled_is_counted():
    it = world("0 * * * *", catchUp="all")
    looked_at(it, "01:00:00")
    looked_at(it, "02:00:00")
    it.now = at("04:30:00")
    it.edit(enabled=False)
    looked_at(it, "09:00:00")
    assert (runs(it), it.waiting, it.status.reasons) == (["01:00"], [], {"Disabled": 3})


def test_one_that_was_made_disabled_is_not_due():
    it = world("0 * * * *", catchUp="all", enabled=False)
    looked_at(it, "03:10:00")
    it.edit(enabled=True)
    looked_at(it, "04:00:00")
    assert (runs(it), it.status.missed) == (["04:00"], 0)


def test_due_times_are_those_of_the_expression_that_was_in_force():
    """Nobody looked when it was changed: before that moment the old one counts, from it on the new one."""
    it = world("0 * * * *", catchUp="all", maxConcurrency=10)
    looked_at(it, "01:00:00")
    it.now = at("03:15:00")
    it.edit(expression="30 * * * *")
    looked_at(it, "04:40:00")
    assert runs(it) == ["01:00", "02:00", "03:00", "03:30", "04:30"]
    assert it.status.observed_expression == "CRON UTC 30 * * * *"


def intervals(operator):
    """Where the intervals begin, by due time."""
    made = [due for plan in operator.plans for due in plan.create]
    return {f"{due.due_at:%d %H:%M}": f"{due.interval_start:%d %H:%M}" for due in made}


def test_what_waited_when_the_expression_changed_keeps_its_interval():
    """Else the rows of a whole day would never be read; also when the specification was not valid in between."""
    it = world("0 2 * * *")
    operator = Operator(it)
    for moment in ("2026-03-01 02:00:01", "2026-03-02 02:00:01"):
        it.now = utc(moment)
        operator.look()
    assert it.waiting == [utc("2026-03-02 02:00:00")]
    for moment, expression in (("2026-03-02 02:01:00", "often"), ("2026-03-02 02:02:00", "*/5 * * * *")):
        it.now = utc(moment)
        it.edit(expression=expression)
        operator.look()
    it.now = utc("2026-03-02 02:05:00")
    operator.look()
    for _ in range(3):
        it.finish()
        operator.look()
    assert intervals(operator) == {"01 02:00": "28 02:00", "02 02:00": "01 02:00", "02 02:05": "02 02:00"}
    assert (it.status.former_expression, it.status.former_until) == (None, None)


def test_what_was_due_unseen_before_the_expression_changed_has_its_interval():
    it = world("0 * * * *", catchUp="all", maxConcurrency=2)
    operator = Operator(it)
    operator.look()
    it.now = at("02:15:00")
    it.edit(expression="*/20 * * * *")
    it.now = at("02:41:00")
    for _ in range(3):
        operator.look()
        it.finish()
    assert intervals(operator) == {
        "01 01:00": "01 00:00", "01 02:00": "01 01:00", "01 02:20": "01 02:00", "01 02:40": "01 02:20",
    }  # fmt: skip


def test_a_changed_zone_does_not_bring_back_what_its_clock_shows_later():
    it = world("0 2 * * *", timezone="UTC")
    looked_at(it, "02:00:00")
    it.finish()
    it.now = at("02:30:00")
    it.edit(timezone="America/New_York")
    plan = looked_at(it, "02:31:00")
    assert (runs(it), plan.wake_at) == (["02:00"], at("07:00"))


@pytest.mark.parametrize("change", [{"expression": "61 * * * *"}, {"timezone": "Mars/Phobos"}])
def test_an_invalid_one_is_never_due_and_begins_anew_when_it_is_put_right(change):
    it = world("0 * * * *", catchUp="all", maxConcurrency=10)
    right = {name: getattr(it.schedule.spec, name) for name in change}
    looked_at(it, "01:00:00")
    it.now = at("02:30:00")
    it.edit(**change)
    assert looked_at(it, "05:00:30").wake_at is None
    assert (it.status.reasons, conditions(it)["Ready"]) == ({"InvalidSpec": 1}, ("False", "InvalidSpec"))
    it.edit(**right)
    looked_at(it, "06:00:00")
    assert (runs(it), it.status.missed) == (["01:00", "06:00"], 1)


def test_a_clock_that_steps_back_makes_nothing_due_again():
    it = world()
    looked_at(it, "00:01:00")
    it.finish()
    looked_at(it, "00:02:00")
    plan = looked_at(it, "00:01:30")
    assert (runs(it), plan.wake_at) == (["00:01", "00:02"], at("00:03"))


def test_jitter_is_the_same_each_time_and_leaves_due_times_alone():
    it = world("0 * * * *", jitter="10m", catchUp="none")
    plan = Operator(it).look()
    delay = plan.wake_at - at("01:00")
    assert timedelta(0) < delay < timedelta(minutes=10)
    it.now = plan.wake_at - timedelta(milliseconds=1)
    Operator(it).look()
    assert runs(it) == []
    it.now = plan.wake_at
    plan = Operator(it).look()
    assert (runs(it), plan.wake_at) == (["01:00"], at("02:00") + delay)


@pytest.mark.parametrize("longest", [{"jitter": "31d"}, {"starting_deadline": "366d"}])
def test_the_longest_durations_fit_into_the_calendar(longest):
    it = world(**longest)
    assert looked_at(it, "00:03:00.2").status.next_run_at is not None


def test_a_due_time_that_a_backfill_ran_before_is_not_run_or_counted_again():
    it = world("0 * * * *", catchUp="none")
    it.runs = {at("01:00"): True}
    looked_at(it, "02:10:00")
    assert (runs(it), it.status.reasons) == (["01:00"], {"Missed": 1})


def test_catch_up_has_a_case_for_each_of_its_values():
    assert set(OUTAGE) == {c.value for c in CatchUp}


def test_what_is_told_says_what_and_why():
    it = world()
    it.pipeline = PipelineFacts(suspended=True)
    it.now = at("00:02:10")
    operator = Operator(it)
    operator.look()
    (skipped,) = operator.plans[0].skipped
    assert skipped.message == (
        "2 due times are not run, 2026-03-01T00:01:00Z to 2026-03-01T00:02:00Z: "
        "the pipeline was paused when it was due."
    )
