"""How an attempt ended: the store's word counts first, then the pod's termination message, then the Job."""

from headrace.lifecycle.moves import Case

PERMANENT = "PodFailurePolicy"
"""The Job's reason when a pod exited with 64."""


def is_done(case: Case) -> bool:
    """Whether the run has succeeded, by whatever says so."""
    if case.progress.is_done:
        return True
    if case.pod is not None and case.pod.outcome == "DONE" and case.run.is_load:
        return True
    return case.job is not None and case.job.complete and case.run.is_load


def is_permanent(case: Case) -> bool:
    """Whether no further attempt can help."""
    return case.job is not None and case.job.failed == PERMANENT


def has_said_why(case: Case) -> bool:
    """Whether the store has the current attempt's word on why it failed."""
    progress = case.progress
    return progress.outcome == "FAILED" and progress.epoch == case.attempt.epoch and bool(progress.message)


def failure_message(case: Case) -> str:
    """Why the attempt failed, in words that a person can act on."""
    if has_said_why(case) and case.progress.message:
        return case.progress.message
    pod = case.pod
    if pod is not None and pod.message:
        return pod.message
    if pod is not None and pod.exit_code is not None:
        return f"the runner ended with exit code {pod.exit_code}" + (f" ({pod.reason})" if pod.reason else "")
    if pod is not None and pod.reason:
        return f"the runner's pod failed: {pod.reason}"
    return (case.job.failure_message if case.job else "") or "the runner failed without a word"
