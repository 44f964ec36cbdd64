"""What is read of a schedule's manifest."""

from datetime import UTC, datetime
from typing import Any

import pytest

from headrace import names
from headrace.lifecycle.readings import changed_at
from headrace_operator.index import Index
from headrace_operator.scheduling.sights import belongs, read_schedule

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def schedule(*writes: tuple[str, str], **spec: Any) -> dict[str, Any]:
    entries = [{"time": time, "fieldsV1": {part: {"f:x": {}}}} for time, part in writes]
    metadata = {
        "name": "nightly",
        "uid": "s",
        "resourceVersion": "1",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "managedFields": entries,
    }
    return {"metadata": metadata, "spec": {"pipeline": "films", "expression": "0 2 * * *"} | spec}


@pytest.mark.parametrize(
    ("writes", "at"),
    [
        ([], "00:00:00"),
        ([("2026-01-01T00:00:00Z", "f:spec")], "00:00:00"),
        ([("2026-01-01T03:00:00Z", "f:status")], "00:00:00"),
        ([("2026-01-01T01:00:00Z", "f:spec"), ("2026-01-01T02:00:00Z", "f:spec")], "02:00:00"),
    ],
)
def test_a_specification_changed_when_somebody_last_wrote_to_it(writes, at):
    """And the index keeps what tells so."""
    manifest, index = schedule(*writes), Index()
    index.put(names.SCHEDULE_PLURAL, manifest)
    kept = index.named(names.SCHEDULE_PLURAL, "nightly")
    assert kept is not None
    assert {changed_at(manifest).time().isoformat(), changed_at(kept).time().isoformat()} == {at}


def run(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "r"}, "spec": {"dueAt": "2026-01-01T02:00:00Z"} | spec, "status": {}}


def test_runs_of_backfills_by_range_take_nothing_of_its_concurrency():
    """But their due times have a run, and get no other."""
    later = run(backfill="may", dueAt="2026-01-01T03:00:00Z")
    seen = read_schedule(schedule(), None, [run(), later, run(dueAt=None)], now=NOW)
    assert [(r.due_at.hour, r.over) for r in seen.runs] == [(2, False), (3, True)]


def test_what_can_not_be_read_is_a_problem_in_words():
    seen = read_schedule(schedule(maxConcurrency=0), None, [], now=NOW)
    assert (seen.spec, seen.problem) == (None, "maxConcurrency: Input should be greater than or equal to 1")


def test_a_run_of_an_earlier_schedule_of_that_name_is_not_its_own():
    labels = {names.SCHEDULE_LABEL: "an earlier one"}
    assert not belongs({"metadata": {"labels": labels}}, names.SCHEDULE_LABEL, schedule())
    assert belongs({"metadata": {}}, names.SCHEDULE_LABEL, schedule())
