"""Why a pipeline can't be run, or a run can't start."""

from typing import NamedTuple

from headrace.model.conditions import Reason


class Problem(NamedTuple):
    """A reason and a message."""

    reason: Reason
    message: str
    waits: bool = False
    """Something else has to be mended first: a run waits for that, and does not fail."""
