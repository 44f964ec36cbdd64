"""Where a run begins, given what the checkpoint says."""

import dataclasses

import pytest

from headrace.runspec import RunSpec
from headrace_runner.continuation import continuation_of, depends_on_previous
from headrace_runner.identity import Identity
from headrace_runner.protocols import Checkpoint, Counters, Position, Start

FULL = RunSpec(
    run_id="this",
    installation="i",
    namespace="n",
    pipeline_name="p",
    pipeline_uid="u",
    query="SELECT 1",
    target_schema="s",
    target_table="t",
    fingerprint="f",
)
INCREMENTAL = dataclasses.replace(FULL, mode="incremental", incremental_key="at")
IDENTITY = Identity(target_id="1", key_columns=("id",), incremental_key=None, fingerprint="f")
BY_TIME = dataclasses.replace(IDENTITY, incremental_key="at")
HERE, THERE = "0123456789abcdef", "fedcba9876543210"
ELSEWHERE = "the source leads to another host, port or database"
POSITION = Position(key=("7",))
COUNTERS = Counters(rows_read=7, rows_written=5, batches=2)
OURS = Checkpoint(holder=1, run_id="this", identity=IDENTITY, position=POSITION, counters=COUNTERS)
OTHERS = dataclasses.replace(OURS, run_id="other")


def changed(checkpoint, **identity):
    return dataclasses.replace(checkpoint, identity=dataclasses.replace(checkpoint.identity, **identity))


def by_time(checkpoint):
    return dataclasses.replace(checkpoint, identity=BY_TIME)


def typed(checkpoint, *types):
    return changed(checkpoint, key_types=types)


CONTINUES = {
    "incremental, from the same source with another query": (
        changed(by_time(OTHERS), source="second"), INCREMENTAL,
        dataclasses.replace(BY_TIME, source="second", fingerprint="g"), None, Counters(),
    ),
    "the same source, at a place that an older version did not note": (
        OTHERS, FULL, dataclasses.replace(IDENTITY, place=HERE), "FAILED", Counters(),
    ),
    "incremental, from the same place with another query": (
        changed(by_time(OTHERS), place=HERE), INCREMENTAL,
        dataclasses.replace(BY_TIME, place=HERE, fingerprint="g"), None, Counters(),
    ),
    "the same run": (OURS, FULL, IDENTITY, None, COUNTERS),
    "the same run that was told to restart": (OURS, dataclasses.replace(FULL, restart=True), IDENTITY, None, COUNTERS),
    "after a failure": (OTHERS, FULL, IDENTITY, "FAILED", Counters()),
    "after a run that the store forgot": (OTHERS, FULL, IDENTITY, None, Counters()),
    "incremental, after a success": (
        by_time(dataclasses.replace(OTHERS, done=True)), INCREMENTAL, BY_TIME, None, Counters(),
    ),
    "incremental, after a cancel": (by_time(OTHERS), INCREMENTAL, BY_TIME, "CANCELLED", Counters()),
    "incremental, with another query": (
        by_time(OTHERS), INCREMENTAL, dataclasses.replace(BY_TIME, fingerprint="g"), None, Counters(),
    ),
    "the key became a bigint": (
        typed(OTHERS, "integer"), FULL, dataclasses.replace(IDENTITY, key_types=("bigint",)), "FAILED", Counters(),
    ),
    "the cursor has more digits": (
        changed(by_time(OTHERS), cursor_type="timestamp(3) with time zone"), INCREMENTAL,
        dataclasses.replace(BY_TIME, cursor_type="timestamp with time zone"), None, Counters(),
    ),
    "the query's columns in another order": (
        changed(OTHERS, columns=("1 id", "2 n")), FULL, dataclasses.replace(IDENTITY, columns=("2 n", "1 id")),
        "FAILED", Counters(),
    ),
    "incremental, a column that was dropped and added again": (
        changed(by_time(OTHERS), columns=("1 id", "2 n")), INCREMENTAL,
        dataclasses.replace(BY_TIME, columns=("1 id", "4 n")), None, Counters(),
    ),
    "an older version did not know the types": (
        OTHERS, FULL, dataclasses.replace(IDENTITY, key_types=("text",)), "FAILED", Counters(),
    ),
}  # fmt: skip

STARTS_OVER = {
    "the first run": (Checkpoint(holder=1), FULL, IDENTITY, None, None),
    "the first run, after one without a row": (
        dataclasses.replace(changed(OTHERS, fingerprint="g"), position=Position()), FULL, IDENTITY, "FAILED", None,
    ),
    "after a success": (dataclasses.replace(OTHERS, done=True), FULL, IDENTITY, "SUCCESS", None),
    "after a success with another key": (
        changed(dataclasses.replace(OTHERS, done=True), key_columns=("k",)), FULL, IDENTITY, "SUCCESS", None,
    ),
    "after a cancel": (OTHERS, FULL, IDENTITY, "CANCELLED", "the run before was cancelled"),
    "restart": (OTHERS, dataclasses.replace(FULL, restart=True), IDENTITY, "FAILED", "a restart was asked for"),
    "incremental restart": (
        by_time(OTHERS), dataclasses.replace(INCREMENTAL, restart=True), BY_TIME, None, "a restart was asked for",
    ),
    "another query": (
        changed(OTHERS, fingerprint="g"), FULL, IDENTITY, "FAILED",
        "the query, its parameters or the target changed",
    ),
    "another key": (
        changed(OTHERS, key_columns=("id", "day")), FULL, IDENTITY, "FAILED",
        "the key was (id, day) and is now (id)",
    ),
    "a key of another type": (
        typed(OTHERS, "integer"), FULL, dataclasses.replace(IDENTITY, key_types=("text",)), "FAILED",
        'the type of key column "id" was integer and is now text',
    ),
    "a column that was dropped and added again": (
        changed(OTHERS, columns=("1 id", "2 n")), FULL, dataclasses.replace(IDENTITY, columns=("1 id", "4 n")),
        "FAILED", 'column "n" of the target was dropped and added again',
    ),
    "another table": (
        changed(OTHERS, target_id="2"), FULL, IDENTITY, "FAILED",
        "the target is another table now (a new name, or dropped and made again)",
    ),
    "another table, in the same run": (
        changed(OURS, target_id="2"), FULL, IDENTITY, None,
        "the target is another table now (a new name, or dropped and made again)",
    ),
    "another table, of another source": (
        changed(OTHERS, target_id="2"), FULL, dataclasses.replace(IDENTITY, source="second"), "FAILED",
        'the source was the default one and is now "second"',
    ),
    "another source": (
        OTHERS, FULL, dataclasses.replace(IDENTITY, source="second"), "FAILED",
        'the source was the default one and is now "second"',
    ),
    "incremental, the default source again": (
        changed(by_time(OTHERS), source="second"), INCREMENTAL, BY_TIME, None,
        'the source was "second" and is now the default one',
    ),
    "another source with another query and key": (
        changed(by_time(OTHERS), source="second", fingerprint="g", key_columns=("k",)), INCREMENTAL,
        dataclasses.replace(BY_TIME, source="third"), None, 'the source was "second" and is now "third"',
    ),
    "the same source at another place": (
        changed(OTHERS, place=HERE), FULL, dataclasses.replace(IDENTITY, place=THERE), "FAILED", ELSEWHERE,
    ),
    "the same source at another place, in the same run": (
        changed(OURS, place=HERE), FULL, dataclasses.replace(IDENTITY, place=THERE), None, ELSEWHERE,
    ),
    "incremental, at another place": (
        changed(by_time(OTHERS), place=HERE, source="second"), INCREMENTAL,
        dataclasses.replace(BY_TIME, place=THERE, source="second"), None, ELSEWHERE,
    ),
    "another source, at another place": (
        changed(OTHERS, place=HERE), FULL, dataclasses.replace(IDENTITY, place=THERE, source="second"), "FAILED",
        'the source was the default one and is now "second"',
    ),
    "another cursor": (
        changed(by_time(OTHERS), incremental_key="n"), INCREMENTAL, BY_TIME, None,
        'the incremental key was "n" and is now "at"',
    ),
    "another cursor and another key": (
        changed(by_time(OTHERS), incremental_key="n", key_columns=("k",)), INCREMENTAL, BY_TIME, None,
        'the incremental key was "n" and is now "at"; the key was (k) and is now (id)',
    ),
    "a cursor of another type": (
        changed(by_time(OTHERS), cursor_type="integer"), INCREMENTAL,
        dataclasses.replace(BY_TIME, cursor_type="text"), None,
        'the type of the incremental key "at" was integer and is now text',
    ),
    "from incremental to full": (
        by_time(OTHERS), FULL, IDENTITY, "FAILED", 'the incremental key was "at" and is now none (a full run)',
    ),
    "from full to incremental": (
        dataclasses.replace(OTHERS, done=True), INCREMENTAL, BY_TIME, "FAILED",
        'the incremental key was none (a full run) and is now "at"',
    ),
    "no key": (
        OURS, FULL, dataclasses.replace(IDENTITY, key_columns=()), None, "the key was (id) and is now none",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CONTINUES)
def test_continues_after_the_last_committed_row(case):
    checkpoint, spec, identity, status, counters = CONTINUES[case]
    found = continuation_of(checkpoint, spec, identity, status)
    expected = Start(identity=identity, position=POSITION, counters=counters)
    assert (found.start, found.why_over) == (expected, None)


@pytest.mark.parametrize("case", STARTS_OVER)
def test_starts_over_and_says_why(case):
    checkpoint, spec, identity, status, why = STARTS_OVER[case]
    found = continuation_of(checkpoint, spec, identity, status)
    expected = Start(identity=identity, position=Position(), counters=Counters())
    assert (found.start, found.why_over) == (expected, why)


@pytest.mark.parametrize(
    ("old", "new", "is_told"),
    [
        ({}, {}, False),
        ({}, {"fingerprint": "g"}, True),
        ({"columns": ("1 id", "2 n")}, {"columns": ("2 n", "1 id")}, False),
        ({"columns": ("1 id", "2 n")}, {"columns": ("1 id", "3 n")}, True),
        ({"columns": ("1 id",)}, {"columns": ("1 id", "2 n")}, True),
        ({"columns": None}, {"columns": ("1 id",)}, False),
    ],
)
def test_an_incremental_run_says_that_older_rows_are_left_alone(old, new, is_told):
    found = continuation_of(changed(by_time(OTHERS), **old), INCREMENTAL, dataclasses.replace(BY_TIME, **new), None)
    assert (found.caution is not None) == is_told


@pytest.mark.parametrize(("version_column", "what"), [(None, "a restart reads"), ("v", "a rebuild loads")])
def test_what_it_says_would_bring_them_does(version_column, what):
    """A restart would bring nothing where only newer rows get in."""
    spec = dataclasses.replace(INCREMENTAL, version_column=version_column)
    found = continuation_of(by_time(OTHERS), spec, dataclasses.replace(BY_TIME, fingerprint="g"), None)
    assert f"rows up to the cursor stay as they are; {what} all of them again" in found.caution


def test_the_store_is_asked_only_when_the_answer_matters():
    assert depends_on_previous(OTHERS, FULL)
    assert not depends_on_previous(OURS, FULL)
    assert not depends_on_previous(dataclasses.replace(OTHERS, done=True), FULL)
    assert not depends_on_previous(by_time(OTHERS), INCREMENTAL)
    assert not depends_on_previous(Checkpoint(holder=1), FULL)
