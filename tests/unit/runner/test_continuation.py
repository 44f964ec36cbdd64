"""Where a run begins, given what the checkpoint says."""

import dataclasses

import pytest

from headrace.runspec import RunSpec
from headrace_runner.continuation import depends_on_previous, start_of
from headrace_runner.protocols import Checkpoint, Counters, Identity, Position

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
POSITION = Position(key=("7",))
COUNTERS = Counters(rows_read=7, rows_written=5, batches=2)
OURS = Checkpoint(holder=1, run_id="this", identity=IDENTITY, position=POSITION, counters=COUNTERS)
OTHERS = dataclasses.replace(OURS, run_id="other")


def changed(checkpoint, **identity):
    return dataclasses.replace(checkpoint, identity=dataclasses.replace(checkpoint.identity, **identity))


def by_time(checkpoint):
    return dataclasses.replace(checkpoint, identity=BY_TIME)


CONTINUES = {
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
}  # fmt: skip

STARTS_OVER = {
    "the first run": (Checkpoint(holder=1), FULL, IDENTITY, None),
    "after a success": (dataclasses.replace(OTHERS, done=True), FULL, IDENTITY, "SUCCESS"),
    "after a cancel": (OTHERS, FULL, IDENTITY, "CANCELLED"),
    "restart": (OTHERS, dataclasses.replace(FULL, restart=True), IDENTITY, "FAILED"),
    "incremental restart": (by_time(OTHERS), dataclasses.replace(INCREMENTAL, restart=True), BY_TIME, None),
    "another query": (changed(OTHERS, fingerprint="g"), FULL, IDENTITY, "FAILED"),
    "another key": (changed(OTHERS, key_columns=("k",)), FULL, IDENTITY, "FAILED"),
    "another table": (changed(OTHERS, target_id="2"), FULL, IDENTITY, "FAILED"),
    "another table, in the same run": (changed(OURS, target_id="2"), FULL, IDENTITY, None),
    "another cursor": (changed(by_time(OTHERS), incremental_key="n"), INCREMENTAL, BY_TIME, None),
    "from incremental to full": (by_time(OTHERS), FULL, IDENTITY, "FAILED"),
    "from full to incremental": (OTHERS, INCREMENTAL, BY_TIME, "FAILED"),
    "no key": (changed(OURS, key_columns=()), FULL, dataclasses.replace(IDENTITY, key_columns=()), None),
}


@pytest.mark.parametrize("case", CONTINUES)
def test_continues_after_the_last_committed_row(case):
    checkpoint, spec, identity, status, counters = CONTINUES[case]
    start = start_of(checkpoint, spec, identity, status)
    assert (start.position, start.counters, start.identity) == (POSITION, counters, identity)


@pytest.mark.parametrize("case", STARTS_OVER)
def test_starts_over(case):
    checkpoint, spec, identity, status = STARTS_OVER[case]
    start = start_of(checkpoint, spec, identity, status)
    assert (start.position, start.counters) == (Position(), Counters())


def test_the_store_is_asked_only_when_the_answer_matters():
    assert depends_on_previous(OTHERS, FULL)
    assert not depends_on_previous(OURS, FULL)
    assert not depends_on_previous(dataclasses.replace(OTHERS, done=True), FULL)
    assert not depends_on_previous(by_time(OTHERS), INCREMENTAL)
    assert not depends_on_previous(Checkpoint(holder=1), FULL)
