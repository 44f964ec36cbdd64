"""Attempts at a run until one succeeds: what may pass is tried again, and another password is waited for."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from headrace.errors import CredentialsError, StoppedError, TransientError
from headrace_runner.log import Log
from headrace_runner.report import ReportThread
from headrace_runner.settings import Settings
from headrace_runner.stop import Stop

if TYPE_CHECKING:
    from headrace_runner.rotation import Rotation

T = TypeVar("T")


def _nothing() -> int:
    return 0


def _never() -> bool:
    return False


@dataclass(kw_only=True, slots=True)
class Retries:
    """Of one run in this process."""

    settings: Settings
    stop: Stop
    report: ReportThread
    run_log: Log
    progress: Callable[[], int] = _nothing
    """How far the run is: another number than before is progress."""
    lasts: Callable[[], bool] = _never
    """What lasts is tried again for ever: its servers were there once, and will be again."""
    _failures: int = 0
    """In a row, without progress."""
    _before: int = field(init=False)
    _rotation: "Rotation | None" = None

    def __post_init__(self) -> None:
        """Begins to count."""
        self._before = self.progress()

    def until_done(self, attempt: Callable[[], T]) -> T:
        """What the attempt gives that succeeds; raises TransientError when all pauses without progress are used up."""
        while True:
            try:
                return attempt()
            except CredentialsError as error:
                self._wait_for_credentials(error)
            except TransientError as error:
                self._pause(error)

    def _wait_for_credentials(self, error: CredentialsError) -> None:
        if self._rotation is None:
            from headrace_runner.rotation import Rotation

            self._rotation = Rotation(self.settings, self.stop)
        self._rotation.hope(error, moved=self._has_moved())
        self.run_log.warning(f"{error.message}; waiting for other credentials")
        self.report.update(message=error.message)
        self._rotation.wait(error)

    def _pause(self, error: TransientError) -> None:
        if self.stop.has_expired():
            raise StoppedError("Stopped; the batch in hand was rolled back") from error
        self._failures = 1 if self._has_moved() else self._failures + 1
        if self._failures > len(self.settings.retry_seconds) and not self.lasts():
            raise error
        self.run_log.warning(f"{error.message}; trying again")
        # The operator may have to give up on the run before this process does.
        self.report.update(message=error.message)
        pauses = (*self.settings.retry_seconds, self.settings.lasting_seconds)
        self.stop.wait(pauses[min(self._failures, len(pauses)) - 1])

    def _has_moved(self) -> bool:
        """Whether there was progress since this was last asked."""
        before, self._before = self._before, self.progress()
        return self._before != before
