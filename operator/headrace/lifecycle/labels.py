"""The labels that a run is found by: its tags, and what it belongs to; what Kubernetes would not take is left out."""

import re
from collections.abc import Mapping

from headrace import names
from headrace.model.values import Tags

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
"""https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set"""


def labels_of_run(
    *, tags: Tags | None = None, project: str | None = None, schedule_uid: str | None = None,
    backfill_uid: str | None = None,
) -> dict[str, str]:  # fmt: skip
    """The labels of a run besides those of everything of its pipeline.

    `project` is a `metadata.name`. A tag without a value becomes a label without one; a tag whose name or value is no
    label's is left out as a whole.
    """
    belongs = {
        names.PROJECT_LABEL: project,
        names.SCHEDULE_LABEL: schedule_uid,
        names.BACKFILL_LABEL: backfill_uid,
    }
    return _labels_of_tags(tags) | {key: value for key, value in belongs.items() if value and _NAME.fullmatch(value)}


def _labels_of_tags(tags: Tags | None) -> dict[str, str]:
    values: Mapping[str, str] = tags if isinstance(tags, dict) else dict.fromkeys(tags or (), "")
    return {
        f"{names.TAG_PREFIX}{name}": value
        for name, value in values.items()
        if _NAME.fullmatch(name) and (not value or _NAME.fullmatch(value))
    }
