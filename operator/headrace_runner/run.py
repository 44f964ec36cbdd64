"""One run from its spec to its last word: attempts as long as rows move, then an outcome and an exit code."""

import dataclasses
import os
from typing import Any

from headrace.errors import HeadraceError, OutrunError, PermanentError, StoppedError, SupersededError, TransientError
from headrace.exits import Exit
from headrace.runspec import RunKind, RunSpec
from headrace.store.progress import DONE, FAILED, STOPPED, Progress
from headrace_runner.ahead import Ahead
from headrace_runner.allowed import refuse_other_targets
from headrace_runner.attempt import Attempt
from headrace_runner.load import Load
from headrace_runner.log import Log
from headrace_runner.report import ReportThread
from headrace_runner.retries import Retries
from headrace_runner.settings import Settings
from headrace_runner.stages import Stages
from headrace_runner.stop import Stop
from headrace_runner.storage import Connection, begin_to_open, load_run, status_of
from headrace_runner.targets import class_of
from headrace_runner.termination import write_termination


def run(settings: Settings, stop: Stop, run_log: Log, store: Ahead[Connection] | None = None) -> Exit:
    """Does the run of `settings`, with a connection to the `store` that may be under way; never raises."""
    try:
        known = load_run(settings, stop, store or begin_to_open(settings))
    except StoppedError:
        return _leave(settings, Exit.STOPPED, STOPPED, None)
    except (PermanentError, TransientError) as error:
        run_log.error(error.message)
        permanent = isinstance(error, PermanentError)
        return _leave(settings, Exit.FAILED if permanent else Exit.FAULT, FAILED if permanent else None, error.message)
    spec = known.spec
    run_log.name_pipeline(spec.pipeline_name)
    run_log.info(_beginning(spec))
    report = ReportThread(settings.store_dsn, known, run_log, stop)
    report.start()
    return _finish(settings, spec, stop, run_log, report)


def _beginning(spec: RunSpec) -> str:
    if spec.kind == RunKind.PREVIEW:
        return "Looking at the first rows" if spec.query else "Looking at the source's tables"
    return f"Starting a {spec.kind.lower()} run ({spec.mode}) into {spec.address}"


def _finish(settings: Settings, spec: RunSpec, stop: Stop, run_log: Log, report: ReportThread) -> Exit:
    """Does the work and says how it ended."""
    stages = Stages(report.progress().stages)
    try:
        result = _work(settings, spec, stop, run_log, report, stages)
    except StoppedError as error:
        run_log.info(error.message)
        return _say(settings, report, Exit.STOPPED, STOPPED, None)
    except SupersededError as error:
        run_log.warning(error.message)
        report.close()
        return Exit.SUPERSEDED
    except (PermanentError, OutrunError) as error:
        run_log.error(error.message)
        _fail(spec, stages, report)
        return _say(settings, report, Exit.FAILED, FAILED, error.message, result=_answer(spec, error))
    except TransientError as error:
        run_log.error(f"Giving up, a new pod may get over it: {error.message}")
        _fail(spec, stages, report)
        return _say(settings, report, Exit.FAULT, None, error.message)
    except Exception as error:  # noqa: BLE001  # whatever it is, the run must not end without a word
        run_log.error(f"Unexpected fault: {type(error).__name__}: {error}")
        _fail(spec, stages, report)
        return _say(settings, report, Exit.FAULT, None, f"Unexpected fault in the runner ({type(error).__name__})")
    progress = report.progress()
    if spec.kind != RunKind.PREVIEW:
        run_log.info(f"Done: {progress.rows_read} rows read, {progress.rows_written} written")
    return _say(settings, report, Exit.DONE, DONE, None, result=result)


def _work(
    settings: Settings, spec: RunSpec, stop: Stop, run_log: Log, report: ReportThread, stages: Stages
) -> dict[str, Any] | None:
    """All attempts; what a reconcile found."""
    class_of(spec.target_kind)
    if spec.kind != RunKind.PREVIEW or spec.target_table:
        refuse_other_targets(spec, settings.allowed_targets)
    if spec.kind == RunKind.PREVIEW:
        return _preview(settings, spec, stop, run_log, report)
    if spec.kind == RunKind.RECONCILE:
        from headrace_runner.reconcile import reconcile

        retries = Retries(settings=settings, stop=stop, report=report, run_log=run_log)
        return retries.until_done(lambda: reconcile(settings, spec, stop))
    _load(settings, spec, stop, run_log, report, stages)
    return None


def _load(settings: Settings, spec: RunSpec, stop: Stop, run_log: Log, report: ReportThread, stages: Stages) -> None:
    """Moves rows until they are all there."""
    load = Load(
        settings=settings,
        spec=spec,
        # Not uuid: it costs 3 ms to import.
        owner=os.urandom(16).hex(),
        stop=stop,
        run_log=run_log,
        report=report,
        status_of=lambda run_id: status_of(settings, run_id, stop),
        bytes_read=report.progress().bytes_read,
        stages=stages,
    )
    caught_up_before = report.progress().caught_up_age is not None
    Retries(
        settings=settings,
        stop=stop,
        report=report,
        run_log=run_log,
        progress=lambda: load.commits + load.polls,
        lasts=lambda: spec.is_stream and (load.polls > 0 or caught_up_before),
    ).until_done(lambda: Attempt(load).run())


def _preview(settings: Settings, spec: RunSpec, stop: Stop, run_log: Log, report: ReportThread) -> dict[str, Any]:
    """What there is to be seen; somebody waits for it."""
    from headrace_runner.preview.preview import preview

    hasty = dataclasses.replace(settings, retry_seconds=settings.retry_seconds[:2], rotation_seconds=0.0)
    try:
        retries = Retries(settings=hasty, stop=stop, report=report, run_log=run_log)
        return retries.until_done(lambda: preview(hasty, spec, stop))
    except TransientError as error:
        # No other pod will try.
        raise PermanentError(error.message, why=error.why) from error


def _answer(spec: RunSpec, error: HeadraceError) -> dict[str, Any] | None:
    """What is told only to whoever asked for a preview: it may quote rows."""
    return {"error": error.in_full} if spec.kind == RunKind.PREVIEW and error.why else None


def _fail(spec: RunSpec, stages: Stages, report: ReportThread) -> None:
    """In which stage; a process that goes on with the run sets that right again."""
    if spec.kind not in (RunKind.RECONCILE, RunKind.PREVIEW):
        stages.fail()
        report.update(stages=stages.as_json())


def _say(
    settings: Settings,
    report: ReportThread,
    code: Exit,
    outcome: str | None,
    message: str | None,
    *,
    result: dict[str, Any] | None = None,
) -> Exit:
    """The last word, first to the termination message: it takes no time and can't be away."""
    write_termination(settings.termination_log, report.progress(), outcome=outcome, message=message)
    report.finish(outcome=outcome, message=message, result=result)
    return code


def _leave(settings: Settings, code: Exit, outcome: str | None, message: str | None) -> Exit:
    """The last word of a run whose spec could not be read: nobody to report as."""
    write_termination(settings.termination_log, Progress(sequence=0), outcome=outcome, message=message)
    return code
