"""How an attempt ended: the store's word counts first, then the pod's termination message, then the Job."""

from headrace.lifecycle.case import Case
from headrace.lifecycle.streams import has_caught_up_since

PERMANENT = "PodFailurePolicy"
"""The Job's reason when a pod exited with 64."""


def is_done(case: Case) -> bool:
    """Whether the run has succeeded, by whatever says so; a stream never has."""
    if case.is_stream:
        return False
    if case.progress.is_done:
        return True
    if case.pod is not None and case.pod.outcome == "DONE" and case.run.writes:
        return True
    return case.job is not None and case.job.complete and case.run.writes


def has_given_up(case: Case) -> bool:
    """Whether the current attempt's runner has said that no retry can help; its Job will say so in a moment."""
    return case.progress.outcome == "FAILED" and case.is_fresh


def has_advanced(case: Case) -> bool:
    """Whether the current attempt got somewhere: it committed a batch, or it is a stream that caught up."""
    attempt, seen = case.attempt, case.progress
    return seen.batches > attempt.batches or has_caught_up_since(seen.caught_up_at, attempt.caught_up_at)


def is_permanent(case: Case) -> bool:
    """Whether no further attempt can help."""
    return has_given_up(case) or (case.job is not None and case.job.failed == PERMANENT)


def has_said_why(case: Case) -> bool:
    """Whether the store has the current attempt's word on why it failed."""
    return case.progress.epoch == case.attempt.epoch and bool(case.progress.message)


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
    if case.job is not None and case.job.complete and case.is_stream:
        return "the runner ended, though nobody had asked it to"
    return (case.job.failure_message if case.job else "") or "the runner failed without a word"
