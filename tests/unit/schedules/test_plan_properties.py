"""Whatever happens to operators, clocks and pipelines: each due time runs once, waits, or is counted once."""

from datetime import timedelta

from hypothesis import event, given, settings
from hypothesis import strategies as st
from tests.unit.schedules.world import START, Operator, World, world

from headrace.schedules.accounts import MOST_WAITING
from headrace.schedules.due import Schedule, due_between
from headrace.schedules.observed import PipelineFacts

EXPRESSIONS = [("CRON", "* * * * *"), ("INTERVAL", "20s"), ("CRON", "*/7 * * * *"), ("INTERVAL", "5s")]
CATCH_UP = st.sampled_from(["all", "last", "none"])
SHORT = st.integers(0, 90_000).map(lambda ms: timedelta(milliseconds=ms))
OUTAGES = st.integers(60, 1500).map(lambda s: timedelta(seconds=s))
PIPELINES = {
    "go on": PipelineFacts(),
    "pause": PipelineFacts(suspended=True),
    "disable": PipelineFacts(enabled=False),
    "delete": None,
}
STEPS = st.tuples(st.just("step"), st.integers(0, 1))
TROUBLE = st.one_of(
    st.tuples(st.just("crash"), st.integers(0, 1)),
    st.tuples(st.just("wait"), SHORT),
    st.tuples(st.just("wait"), OUTAGES),
    st.tuples(st.just("finish"), st.just(0)),
)
CLOCKS = st.tuples(st.just("clock"), st.integers(-4000, 4000).map(lambda s: timedelta(seconds=s)))
PIPELINE = st.tuples(st.just("pipeline"), st.sampled_from(sorted(PIPELINES)))
EDITS = st.tuples(
    st.just("edit"),
    st.sampled_from(
        [{"enabled": False}, {"enabled": True}, {"expression": "*/3 * * * *"}, {"expression": "0-59/4 * * * *"},
         {"expression": "61 * * * *"}, {"catch_up": "none"}]
    ),
)  # fmt: skip


def script(*troubles):
    """Steps of two operators, with troubles between them."""
    return st.lists(st.one_of(STEPS, STEPS, STEPS, STEPS, TROUBLE, *troubles), min_size=5, max_size=80)


def play(it: World, acts, operators, check=lambda: None):
    """Lets it all happen."""
    for act, value in acts:
        match act:
            case "step":
                operators[value % len(operators)].step()
            case "crash":
                operators[value % len(operators)].crash()
            case "wait":
                it.now += value
            case "clock":
                it.ahead = value
            case "finish":
                it.finish()
            case "pipeline":
                it.pipeline = PIPELINES[value]
            case "edit":
                it.edit(**value)
        check()


def settle(it: World):
    """All operators die; a new one looks, while runs end, until nothing waits."""
    it.ahead, it.pipeline = timedelta(0), PipelineFacts()
    it.edit(max_concurrency=100)
    for _ in range(1000):
        Operator(it).look()
        if not it.waiting and all(it.runs.values()):
            return
        it.runs = dict.fromkeys(it.runs, True)
    raise AssertionError("something waits for ever")


def due_so_far(it: World):
    """Due times up to the cursor, of one expression that never changed."""
    spec = it.schedule.spec
    return list(due_between(Schedule(spec.kind, spec.expression, spec.timezone, START), START, it.cursor))


def check_accounts(it: World):
    """Each due time up to the cursor has a run, waits, or was counted; and no other has or does."""
    due, has = due_so_far(it), {*it.runs, *it.waiting}
    assert has <= {*due}
    assert len(has) + it.status.missed == len(due)
    assert it.status.missed == sum(it.status.reasons.values())
    assert len(it.waiting) <= MOST_WAITING


def check_order(it: World):
    """Runs were made oldest first."""
    assert list(it.runs) == sorted(it.runs)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(EXPRESSIONS), CATCH_UP, st.integers(1, 3), st.sampled_from(["0s", "45s"]), st.data())
def test_two_operators_that_crash_with_clocks_that_step_run_each_due_time_once_or_count_it_once(
    expression, catch_up, most, jitter, data
):
    """At every moment, not only in the end: also while both have plans in hand that were made from old views."""
    kind, text = expression
    it = world(text, kind, catchUp=catch_up, maxConcurrency=most, jitter=jitter)
    both = [Operator(it), Operator(it)]
    play(it, data.draw(script(CLOCKS, PIPELINE)), both, lambda: (check_accounts(it), check_order(it)))
    settle(it)
    check_accounts(it)
    check_order(it)
    event(f"runs: {min(len(it.runs), 5)}, counted: {min(it.status.missed, 5)}")


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(EXPRESSIONS[:3]), st.integers(1, 3), script(CLOCKS))
def test_with_catch_up_all_none_is_lost(expression, most, acts):
    kind, text = expression
    it = world(text, kind, catchUp="all", maxConcurrency=most)
    play(it, acts, [Operator(it), Operator(it)])
    settle(it)
    assert it.status.missed == 0
    assert list(it.runs) == due_so_far(it)
    assert not list(due_between(Schedule(kind, text, "UTC", START), it.cursor, it.now))


@settings(max_examples=100, deadline=None)
@given(CATCH_UP, st.integers(1, 3), st.sampled_from([None, "1s", "2m"]), script(CLOCKS, PIPELINE))
def test_one_operator_never_has_more_unfinished_runs_than_it_may(catch_up, most, deadline, acts):
    it = world("20s", "INTERVAL", catchUp=catch_up, maxConcurrency=most, startingDeadline=deadline)
    play(it, acts, [Operator(it)], lambda: (check_accounts(it), check_order(it)))
    assert it.most_active <= most
    settle(it)
    check_accounts(it)


@settings(max_examples=150, deadline=None)
@given(CATCH_UP, script(PIPELINE, EDITS, EDITS))
def test_when_the_specification_changes_each_due_time_that_was_in_force_is_accounted_for(catch_up, acts):
    """The operator looks after each change, however late; what was due before it is of the former specification."""
    it = world(catchUp=catch_up)
    operator = Operator(it)
    operator.look()
    force: list[tuple[object, object]] = [(START, it.schedule.spec)]
    expected: set[object] = set()

    def in_force(since, spec, until):
        if not spec.enabled or spec.expression.startswith("61"):
            return set()
        return {*due_between(Schedule("CRON", spec.expression, "UTC", START), since, until)}

    for act, value in [*acts, ("edit", {"expression": "*/2 * * * *"})]:
        if act == "edit":
            # What was in force until now is closed; a look follows before the next edit.
            since, spec = force[-1]
            expected |= in_force(since, spec, it.now)
            it.edit(**value)
            force.append((it.now, it.schedule.spec))
            it.now += timedelta(seconds=len(acts) % 7 * 50)
            operator.crash()
            operator.look()
        else:
            play(it, [(act, value)], [operator])
    settle(it)
    since, spec = force[-1]
    expected |= in_force(since, spec, it.now)
    assert {*it.runs} <= expected
    assert len(it.runs) + it.status.missed == len(expected)
