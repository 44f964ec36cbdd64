"""Projects, schedules, backfills and runs on demand accept what the reference says and refuse the rest by name."""

import pydantic
import pytest

from headrace.model.backfill import BackfillSpec
from headrace.model.pipeline import PipelineSpec
from headrace.model.project import ProjectSpec
from headrace.model.run import RunSpec
from headrace.model.schedule import PARAMS_BYTES as SCHEDULE_PARAMS_BYTES
from headrace.model.schedule import ScheduleSpec
from headrace.model.values import PARAMS_BYTES
from headrace.names import due_run_name

BASES = {
    ProjectSpec: {"name": "Films"},
    ScheduleSpec: {"pipeline": "films", "expression": "0 2 * * *"},
    BackfillSpec: {"schedule": "nightly", "from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"},
    RunSpec: {"pipeline": "films"},
    PipelineSpec: {"name": "films", "targetTable": "analytics.film_dim", "sourceQuery": "SELECT 1 AS id"},
}
GOOD = [
    (ProjectSpec, {"name": "映画", "owner": "team films", "description": "all of them"}),
    (ScheduleSpec, {"kind": "INTERVAL", "expression": "15m", "catchUp": "all", "jitter": "30s"}),
    (ScheduleSpec, {"maxConcurrency": 3, "timezone": "Europe/Berlin", "startingDeadline": "1h", "timeoutSeconds": 1}),
    (ScheduleSpec, {"params": {"country": "DE", "nested": {"a": [1]}}}),
    (ScheduleSpec, {"params": {f"p{n}": n for n in range(97)}, "jitter": "31d", "startingDeadline": "366d"}),
    (ScheduleSpec, {"params": {"text": "x" * (SCHEDULE_PARAMS_BYTES - 20)}, "startingDeadline": "1s"}),
    (BackfillSpec, {"order": "newestFirst", "parallelism": 4, "suspend": True, "rerun": True, "retry": 2}),
    (RunSpec, {"tags": ["nightly", "of the team"]}),
    (RunSpec, {"tags": {"team": "films", "empty": ""}}),
    (RunSpec, {"tags": []}),
    (RunSpec, {"schedule": "nightly", "dueAt": "2026-01-01T00:00:00Z", "backfill": "january", "stream": True}),
    (RunSpec, {"params": {"text": "x" * (PARAMS_BYTES - 20)}}),
    (PipelineSpec, {"project": "films-1a2b", "pollInterval": "5s", "nodes": [{"id": "read films", "type": "extract"}]}),
    (PipelineSpec, {"nodes": [{"id": "a", "type": "x"}], "edges": [{"from": "a", "to": "a"}]}),
]  # fmt: skip


@pytest.mark.parametrize(("model", "fields"), GOOD, ids=str)
def test_what_the_reference_promises_is_taken_and_reads_back_as_itself(model, fields):
    spec = model(**{**BASES[model], **fields})
    assert model(**spec.manifest()) == spec
    assert spec.manifest().items() >= fields.items()


BAD = [
    (ProjectSpec, {"name": ""}),
    (ProjectSpec, {"name": " a"}),
    (ProjectSpec, {"name": "a\u0085b"}),
    (ProjectSpec, {"owner": ""}),
    (ProjectSpec, {"colour": "red"}),
    (ScheduleSpec, {"pipeline": "../films"}),
    (ScheduleSpec, {"kind": "cron"}),
    (ScheduleSpec, {"expression": ""}),
    (ScheduleSpec, {"catchUp": "some"}),
    (ScheduleSpec, {"maxConcurrency": 0}),
    (ScheduleSpec, {"timeoutSeconds": 0}),
    (ScheduleSpec, {"jitter": "half a minute"}),
    (ScheduleSpec, {"jitter": "32d"}),
    (ScheduleSpec, {"jitter": "999999999d"}),
    (ScheduleSpec, {"startingDeadline": "-1m"}),
    (ScheduleSpec, {"startingDeadline": "0s"}),
    (ScheduleSpec, {"startingDeadline": "367d"}),
    (ScheduleSpec, {"startingDeadline": "999999999d"}),
    (ScheduleSpec, {"params": {f"p{n}": n for n in range(98)}}),
    (ScheduleSpec, {"params": {"text": "x" * SCHEDULE_PARAMS_BYTES}}),
    (BackfillSpec, {"order": "random"}),
    (BackfillSpec, {"parallelism": 0}),
    (BackfillSpec, {"retry": -1}),
    (RunSpec, {"tags": [""]}),
    (RunSpec, {"tags": ["x" * 201]}),
    (RunSpec, {"tags": {"a": "b\0"}}),
    (RunSpec, {"tags": {"a": 1}}),
    (RunSpec, {"tags": "nightly"}),
    (RunSpec, {"tags": [str(n) for n in range(51)]}),
    (RunSpec, {"params": {"text": "x" * PARAMS_BYTES}}),
    (RunSpec, {"params": ["a"]}),
    (RunSpec, {"stopSeconds": -1}),
    (PipelineSpec, {"project": "Films"}),
    (PipelineSpec, {"pollInterval": "often"}),
    (PipelineSpec, {"nodes": [{"id": "", "type": "extract"}]}),
    (PipelineSpec, {"nodes": [{"id": "a"}]}),
    (PipelineSpec, {"edges": [{"from": "a"}]}),
]


@pytest.mark.parametrize(("model", "fields"), BAD, ids=str)
def test_a_field_out_of_bounds_is_refused(model, fields):
    with pytest.raises(pydantic.ValidationError) as caught:
        model(**{**BASES[model], **fields})
    assert {str(error["loc"][0]) for error in caught.value.errors()} == set(fields)


def test_a_due_time_has_one_name_whoever_makes_its_run():
    assert due_run_name("1a2b", 1767225600) == "1a2b-1767225600"
    assert due_run_name("1a2b", 1767225600, retry=2) == "1a2b-1767225600-r2"
