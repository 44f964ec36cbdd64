"""Schedules as callers see them: what is refused, by which name, and when they are due next."""

from datetime import UTC, datetime

import pytest

from headrace.errors import InvalidError
from headrace_api.bodies.schedule import Schedule, ScheduleIn
from headrace_api.translate import schedules

CREATED = "2026-03-01T12:00:00Z"
NOW = datetime(2026, 3, 1, 12, 7, tzinfo=UTC)
PIPELINE = {"metadata": {"name": "films-1", "uid": "pipeline"}, "spec": {"name": "films", "sourceQuery": "SELECT 1"}}


def schedule(*, status=None, **spec):
    metadata = {"name": "films-2", "uid": "schedule", "creationTimestamp": CREATED, "generation": 2}
    full = {"pipeline": "films-1", "kind": "INTERVAL", "expression": "5m", **spec}
    return {"metadata": metadata, "spec": full, "status": status or {}}


def fields(**sent):
    return ScheduleIn.model_validate({"pipeline_id": "films", "expression": "* * * * *", **sent}).model_dump()


def asking(query, **spec):
    return {**PIPELINE, "spec": {**PIPELINE["spec"], "sourceQuery": query, **spec}}


def test_a_schedule_is_shown_with_the_defaults_of_what_it_lacks():
    shown = schedules.show_schedule(schedule(), PIPELINE, "project", now=NOW)
    assert Schedule.model_validate(shown).model_dump(mode="json") == shown
    known = {"pipeline_id": "pipeline", "project_id": "project", "timezone": "UTC", "catch_up": "last", "missed": 0}
    assert shown.items() >= known.items()
    assert "pipeline" not in shown


def test_a_schedule_shows_what_became_of_its_due_times():
    status = {
        "lastRunAt": "2026-03-01T12:00:00Z", "waiting": ["2026-03-01T12:05:00Z"], "active": 1, "missed": 2,
        "reasons": {"Missed": 2}, "lastMissed": {"dueAt": "2026-03-01T11:55:00.000000Z", "reason": "Missed"},
    }  # fmt: skip
    shown = schedules.show_schedule(schedule(status=status), PIPELINE, None, now=NOW)
    assert Schedule.model_validate(shown).model_dump(mode="json") == shown
    assert shown["last_missed"] == {"due_at": "2026-03-01T11:55:00Z", "reason": "Missed"}
    assert (shown["waiting"], shown["active"], shown["missed"]) == (["2026-03-01T12:05:00Z"], 1, 2)


SEEN = {"nextRunAt": "2026-03-01T12:30:00Z", "observedGeneration": 2}


@pytest.mark.parametrize(
    ("spec", "status", "due"),
    [
        ({}, {}, "2026-03-01T12:10:00Z"),  # the operator has not looked yet
        ({}, SEEN, "2026-03-01T12:30:00Z"),
        ({}, {**SEEN, "observedGeneration": 1}, "2026-03-01T12:10:00Z"),  # it has changed since
        ({}, {**SEEN, "nextRunAt": "2026-03-01T12:05:00Z"}, "2026-03-01T12:10:00Z"),  # it is over
        ({"enabled": False}, SEEN, None),
        ({"kind": "CRON", "expression": "0 0 30 2 *"}, {}, None),  # kubectl let it in
        ({"kind": "CRON", "expression": "0 2 * * *", "timezone": "Europe/Berlin"}, {}, "2026-03-02T01:00:00Z"),
    ],
)
def test_the_next_due_time_is_there_also_before_the_operator_has_seen_it(spec, status, due):
    shown = schedules.show_schedule(schedule(status=status, **spec), PIPELINE, None, now=NOW)
    assert shown["next_run_at"] == due


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"expression": "* * * *"}, "expression"),
        ({"expression": "* * * * * *"}, "expression"),
        ({"expression": "61 * * * *"}, "expression"),
        ({"expression": "0 0 30 2 *"}, "expression"),
        ({"expression": "@daily"}, "expression"),
        ({"kind": "INTERVAL", "expression": "0s"}, "expression"),
        ({"kind": "INTERVAL", "expression": "-5m"}, "expression"),
        ({"kind": "INTERVAL", "expression": "1.5h"}, "expression"),
        ({"kind": "INTERVAL", "expression": "3650d"}, "expression"),
        ({"timezone": "Mars/Base"}, "timezone"),
    ],
)
def test_what_is_never_due_is_refused_by_the_name_of_the_field(sent, field):
    with pytest.raises(InvalidError) as caught:
        schedules.check_times(fields(**sent))
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("pipeline", "params", "field"),
    [
        (asking("SELECT 1"), None, None),
        (asking("SELECT 1", mode="streaming"), None, "pipeline_id"),
        (asking("SELECT %(interval_start)s, %(interval_end)s, %(due_at)s"), None, None),
        (asking("SELECT %(least)s"), None, "least"),
        (asking("SELECT %(least)s"), {"least": None}, None),
        (asking("SELECT %(least)s"), {"least": 1, "most": 2}, "most"),
    ],
)
def test_a_schedules_runs_have_all_parameters_of_the_query_and_no_others(pipeline, params, field):
    refused = None
    try:
        schedules.check_runs(fields(params=params), pipeline)
    except InvalidError as error:
        refused = error.field
    assert refused == field


def test_a_specification_names_the_pipeline_by_its_resource():
    spec = schedules.spec_of(fields(params={"a": None}, enabled=False), PIPELINE).manifest()
    assert spec.items() >= {"pipeline": "films-1", "enabled": False, "params": {"a": None}}.items()
    assert spec.keys().isdisjoint({"pipelineId", "projectId", "project_id"})
