"""What a stream reads again, and when."""

import dataclasses

import pytest

from headrace_runner.protocols import Horizon, Look, Position
from headrace_runner.trail import DOUBT_SECONDS, REST, SWEEP_SECONDS, Stretch, Trail

LOOKBACK = 300.0


def at(number):
    return Position(key=(str(number),), value=str(number))


def look(*in_progress, late=None, in_doubt=False):
    return Look(horizon=Horizon("9"), in_progress=frozenset(in_progress), is_in_doubt=in_doubt, late_seconds=late)


def told(stretch):
    """Where it begins and ends."""
    return None if stretch is None else (stretch.start.value, stretch.start.look_back, stretch.end)


def test_when_nobody_was_in_progress_nothing_is_read_again():
    trail = Trail(at(1), now=0.0)
    for number in range(2, 6):
        trail.note(look())
        trail.advance(at(number), float(number))
        assert (trail.next(1e9), trail.resume_at(), trail.has_caught_up) == (None, None, True)
    assert trail.frontier.position == at(5)


def test_a_transaction_is_owed_what_was_read_since_it_was_first_seen_and_the_checkpoint_waits_for_it():
    trail = Trail(at(1), now=0.0)
    trail.note(look())
    trail.advance(at(2), 1.0)
    for number in (3, 4):
        trail.note(look("t"))
        trail.advance(at(number), 1.0)
        assert (trail.next(1.0), trail.resume_at()) == (None, at(2))
    trail.note(look())
    stretch = trail.next(1.0)
    assert (told(stretch), trail.resume_at(), trail.has_caught_up) == (("2", False, "4"), at(2), False)
    trail.went_on(stretch, at(3), 1.0)
    rest = trail.next(1.0)
    assert (told(rest), trail.resume_at()) == (("3", False, "4"), at(2))
    trail.went_on(rest, None, 1.0)
    assert (trail.next(1.0), trail.resume_at(), trail.has_caught_up) == (None, None, True)


def test_one_that_ends_before_anything_was_read_past_it_is_owed_nothing():
    trail = Trail(at(1), now=0.0)
    trail.note(look("t"))
    trail.note(look())
    assert trail.next(1.0) is None


def test_what_is_short_and_what_is_long_are_read_in_turn():
    trail = Trail(at(1), now=0.0)
    trail.note(look("long"))
    trail.advance(at(2), 1.0)
    trail.note(look("long", "short"))
    trail.advance(at(3), 1.0)
    trail.note(look("long"))
    trail.advance(at(4), 1.0)
    trail.note(look())
    assert told(trail.next(1.0)) == ("1", False, "4"), "it covers the other, which is not read for itself"
    trail.note(look("short"))
    trail.advance(at(5), 1.0)
    trail.note(look())
    assert told(trail.next(1.0)) == ("4", False, "5")
    assert told(trail.next(1.0, longest=True)) == ("1", False, "4")


@pytest.mark.parametrize(
    ("late", "in_doubt", "pause"),
    [
        (LOOKBACK, False, SWEEP_SECONDS),
        (LOOKBACK, True, DOUBT_SECONDS),
        (float("inf"), False, SWEEP_SECONDS),
        (1e-6, False, None),
        (None, False, None),
    ],
)
def test_the_lookback_is_swept_at_intervals_until_a_lookback_after_the_last_row(late, in_doubt, pause):
    trail = Trail(Position(), now=0.0)
    trail.note(look(late=late, in_doubt=in_doubt))
    trail.advance(at(1), 0.0)
    swept, now = [], 0.0
    while now < 1000:
        now += 1.0
        trail.note(look(late=late, in_doubt=in_doubt))
        stretch = trail.next(now)
        if stretch is not None:
            assert (told(stretch), trail.has_caught_up) == (("1", True, "1"), True)
            assert trail.resume_at() == dataclasses.replace(at(1), look_back=True)
            trail.went_on(stretch, None, now)
            swept.append(now)
    if pause is None:
        assert swept == []
    else:
        last = LOOKBACK if late == LOOKBACK else 960.0
        assert swept == [pause * number for number in range(1, int(last / pause) + 1)]
    is_settled = late != float("inf")
    assert trail.resume_at() == (None if is_settled else dataclasses.replace(at(1), look_back=True))


def test_a_sweep_begins_where_the_one_before_could_not_see_yet():
    trail = Trail(Position(), now=0.0)
    for now in range(3):
        trail.note(look(late=LOOKBACK))
        trail.advance(at(now + 1), float(now))
    first = trail.next(SWEEP_SECONDS)
    assert told(first) == ("1", True, "3")
    trail.went_on(first, None, SWEEP_SECONDS)
    trail.note(look(late=LOOKBACK))
    trail.advance(at(4), SWEEP_SECONDS)
    assert told(trail.next(2 * SWEEP_SECONDS)) == ("3", True, "4")


def test_a_sweep_that_takes_long_is_followed_by_a_long_rest():
    trail = Trail(Position(), now=0.0)
    trail.note(look(late=LOOKBACK))
    trail.advance(at(1), 0.0)
    trail.went_on(trail.next(60.0), at(1), 70.0)
    trail.went_on(trail.next(70.0), None, 80.0)
    assert trail.next(60.0 + REST * 20.0 - 1) is None
    assert trail.next(60.0 + REST * 20.0) is not None


def test_a_checkpoint_that_looks_back_is_read_again_behind_the_new_rows():
    start = dataclasses.replace(at(5), look_back=True)
    trail = Trail(start, now=0.0)
    assert (trail.frontier.position, trail.resume_at(), trail.has_caught_up) == (at(5), start, False)
    trail.note(look(late=LOOKBACK))
    assert trail.next(0.0) == Stretch(trail.frontier, start, "5")
