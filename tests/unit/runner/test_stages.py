"""The three stages of a run, over retries and processes."""

import re

import pytest

from headrace_runner.protocols import Counters
from headrace_runner.stages import EXTRACT, LOAD, STAGES, TRANSFORM, Stages

HALF = Counters(rows_read=10, rows_written=4, batches=1)
WHOLE = Counters(rows_read=20, rows_written=8, batches=2)


def states(stages):
    return [stages.as_json()[name]["state"] for name in STAGES]


def rows(stages):
    return [(stage["rows_read"], stage["rows_written"]) for stage in stages.as_json().values()]


def half_way():
    """20 rows were read and 15 handed over, 10 are committed."""
    stages = Stages()
    stages.begin_attempt(Counters())
    stages.begin(EXTRACT)
    stages.pass_on(EXTRACT, 20)
    stages.begin(TRANSFORM)
    stages.pass_on(TRANSFORM, 15)
    stages.begin(LOAD)
    stages.commit(HALF)
    return stages


def test_before_anything_began_all_are_pending():
    assert states(Stages()) == ["PENDING"] * 3
    assert Stages().as_json()["extract"] == {
        "state": "PENDING",
        "started_at": None,
        "finished_at": None,
        "rows_read": 0,
        "rows_written": 0,
    }


def test_each_says_what_went_through_it():
    stages = half_way()
    assert (states(stages), rows(stages)) == (["RUNNING"] * 3, [(20, 20), (15, 15), (10, 4)])
    assert all(
        re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", s["started_at"]) for s in stages.as_json().values()
    )
    stages.end(EXTRACT)
    assert states(stages) == ["SUCCESS", "RUNNING", "RUNNING"]
    stages.succeed(WHOLE)
    assert (states(stages), rows(stages)) == (["SUCCESS"] * 3, [(20, 20), (20, 20), (20, 8)])
    assert all(stage["finished_at"] for stage in stages.as_json().values())


def test_another_attempt_goes_on_at_what_is_committed_and_keeps_when_it_began():
    before = half_way()
    before.end(EXTRACT)
    again = Stages(before.as_json())
    for stages in (before, again):
        stages.begin_attempt(HALF)
        stages.begin(EXTRACT)
        assert (states(stages), rows(stages)) == (["RUNNING"] * 3, [(10, 10), (10, 10), (10, 4)])
    began = [stage["started_at"] for stage in before.as_json().values()]
    assert [stage["started_at"] for stage in again.as_json().values()] == began


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (EXTRACT, ["FAILED", "CANCELLED", "CANCELLED"]),
        (TRANSFORM, ["CANCELLED", "FAILED", "CANCELLED"]),
        (LOAD, ["CANCELLED", "CANCELLED", "FAILED"]),
    ],
)
def test_the_one_at_hand_fails_and_the_others_are_cancelled(at, expected):
    stages = half_way()
    stages.at = at
    stages.fail()
    assert states(stages) == expected


def test_what_had_ended_stays_so_and_what_never_began_is_pending():
    stages = Stages()
    stages.begin_attempt(Counters())
    stages.begin(EXTRACT)
    stages.end(EXTRACT)
    stages.at = LOAD
    stages.fail()
    assert states(stages) == ["SUCCESS", "PENDING", "FAILED"]


def test_what_an_unknown_version_reported_is_taken_as_far_as_it_is_known():
    assert states(Stages({"extract": {"state": "RUNNING", "colour": "red"}})) == ["RUNNING", "PENDING", "PENDING"]
