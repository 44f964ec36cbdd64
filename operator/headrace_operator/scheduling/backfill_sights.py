"""Reads a backfill, its schedule, and the runs of its range, which the cluster and the store have, for its plan."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from pydantic import ValidationError

from headrace import names
from headrace.lifecycle.faults import in_words
from headrace.lifecycle.readings import created_at
from headrace.lifecycle.state import FINAL, RunPhase
from headrace.manifests import Manifest
from headrace.model.backfill import BackfillSpec, BackfillStatus
from headrace.model.times import from_text
from headrace.schedules.backfill_seen import BackfillSeen, RunSeen
from headrace.schedules.due import Schedule
from headrace.store.records import DueRun
from headrace_operator.scheduling.sights import belongs, is_over


def read_backfill(
    manifest: Manifest,
    schedule: Manifest | None,
    *,
    now: datetime,
    has_pipeline: bool = True,
    runs: Iterable[RunSeen] = (),
) -> BackfillSeen:
    """An EtlBackfill; a specification that can't be read leaves a problem instead."""
    metadata, parsed, problem = manifest["metadata"], None, ""
    try:
        parsed = BackfillSpec.model_validate(manifest.get("spec") or {})
    except ValidationError as error:
        problem = in_words(error)
    return BackfillSeen(
        now=now,
        uid=metadata["uid"],
        generation=metadata.get("generation", 1),
        created_at=created_at(manifest),
        spec=parsed,
        problem=problem,
        status=BackfillStatus.model_validate(manifest.get("status") or {}),
        schedule=_timetable(schedule) if schedule else None,
        schedule_uid=schedule["metadata"]["uid"] if schedule else "",
        has_pipeline=has_pipeline,
        runs=tuple(runs),
    )


def bounds(seen: BackfillSeen) -> tuple[datetime, datetime] | None:
    """The range; None where it is none."""
    since, until = (from_text(text) for text in ((seen.spec.from_, seen.spec.to) if seen.spec else ()))
    return None if since is None or until is None or since >= until else (since, until)


def runs_seen(
    backfill: Manifest, schedule: Manifest, there: Sequence[Manifest], stored: Sequence[DueRun], own: Sequence[DueRun]
) -> tuple[RunSeen, ...]:
    """The runs by their names: `there` in the cluster, live; `stored`, one of each due time; and `own`, the backfill's.

    A due time that has a run of whatever name has one: it is given the name that the schedule's own run would have.
    """
    listed = {run["metadata"]["name"]: run for run in there}
    ours = {run.run_name for run in own}
    ours |= {n for n, run in listed.items() if _is_labelled(run, backfill)}
    found = {seen.name: seen for seen in _others(schedule, listed, stored, ours)}
    found |= {run.run_name: _stored(run, listed, ours=True) for run in own}
    found |= {name: _live(listed[name], ours=True) for name in ours if name in listed}
    return tuple(found.values())


def _others(
    schedule: Manifest, listed: Mapping[str, Manifest], stored: Sequence[DueRun], ours: set[str]
) -> Iterator[RunSeen]:
    uid = schedule["metadata"]["uid"]
    for run in stored:
        if run.run_name not in ours:
            yield RunSeen(name=_first_name(uid, run.due_at), over=run.status in FINAL or run.run_name not in listed)
    for name, resource in listed.items():
        due_at = from_text(resource["spec"].get("dueAt"))
        if name not in ours and due_at is not None and belongs(resource, names.SCHEDULE_LABEL, schedule):
            yield RunSeen(name=_first_name(uid, due_at), over=is_over(resource))


def _stored(run: DueRun, listed: Mapping[str, Manifest], *, ours: bool) -> RunSeen:
    """A run whose resource is gone will never end: it is over."""
    is_final = run.status in FINAL or run.run_name not in listed
    return RunSeen(name=run.run_name, over=is_final, succeeded=run.status == RunPhase.SUCCESS, ours=ours)


def _live(run: Manifest, *, ours: bool) -> RunSeen:
    phase = (run.get("status") or {}).get("phase")
    return RunSeen(name=run["metadata"]["name"], over=is_over(run), succeeded=phase == RunPhase.SUCCESS, ours=ours)


def _is_labelled(run: Manifest, backfill: Manifest) -> bool:
    return run["spec"].get("backfill") == backfill["metadata"]["name"] and belongs(run, names.BACKFILL_LABEL, backfill)


def _first_name(schedule_uid: str, due_at: datetime) -> str:
    return names.due_run_name(schedule_uid, int(due_at.astimezone(UTC).timestamp()))


def _timetable(schedule: Manifest) -> Schedule:
    """As it was asked for, valid or not: the plan says what is wrong with it."""
    spec = schedule.get("spec") or {}
    kind, expression, timezone = spec.get("kind", "CRON"), spec.get("expression", ""), spec.get("timezone", "UTC")
    return Schedule(str(kind), str(expression), str(timezone), created_at(schedule))
