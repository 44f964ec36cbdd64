"""What the queues of schedules, backfills, projects and previews hold: the kind and `metadata.name`."""

from enum import StrEnum

from headrace import names


class Looked(StrEnum):
    """The kinds that are looked at here."""

    SCHEDULE = "schedule"
    """Makes runs when they are due."""
    BACKFILL = "backfill"
    """Makes runs for due times of the past."""
    PROJECT = "project"
    """Counts its pipelines."""
    PREVIEW = "preview"
    """A run of no pipeline, for which somebody waits."""


LOOKED_AT = {
    names.SCHEDULE_PLURAL: Looked.SCHEDULE,
    names.BACKFILL_PLURAL: Looked.BACKFILL,
    names.PROJECT_PLURAL: Looked.PROJECT,
}
"""By plural, where all of a kind are looked at."""


def key(looked: Looked, name: str) -> str:
    """What a queue holds."""
    return f"{looked.value}/{name}"


def read_key(text: str) -> tuple[Looked, str]:
    """The kind and name that a key was made from."""
    looked, _, name = text.partition("/")
    return Looked(looked), name
