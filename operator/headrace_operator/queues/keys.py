"""What the queues of schedules, backfills, projects and previews hold: the kind and `metadata.name`."""

from enum import StrEnum

from headrace import names


class Subject(StrEnum):
    """The kinds that are looked at here."""

    SCHEDULE = "schedule"
    """Makes runs when they are due."""
    BACKFILL = "backfill"
    """Makes runs for due times of the past."""
    PROJECT = "project"
    """Counts its pipelines."""
    PREVIEW = "preview"
    """A run of no pipeline, for which somebody waits."""


SUBJECTS = {
    names.SCHEDULE_PLURAL: Subject.SCHEDULE,
    names.BACKFILL_PLURAL: Subject.BACKFILL,
    names.PROJECT_PLURAL: Subject.PROJECT,
}
"""By plural, where all of a kind are looked at."""


def key(subject: Subject, name: str) -> str:
    """What a queue holds."""
    return f"{subject.value}/{name}"


def read_key(text: str) -> tuple[Subject, str]:
    """The kind and name that a key was made from."""
    subject, _, name = text.partition("/")
    return Subject(subject), name
