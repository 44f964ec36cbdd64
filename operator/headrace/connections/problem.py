"""Why a source or destination can't be connected to."""

from headrace.errors import HeadraceError
from headrace.model.conditions import Reason


class NoWayInError(HeadraceError):
    """There is no way in; the message says why, in the words of the manifest, and `reason` in one word."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
