"""Waits for other credentials where a server takes those no more that a file holds: a password is being changed.

The server has the new one before the file does, for Kubernetes brings it within a minute or so; or the file is first.
So it is with a certificate: the server shows one of another authority, and the file of those that we trust is to come.
"""

import time
from collections.abc import Callable
from pathlib import Path

from headrace.errors import CredentialsError
from headrace_runner.settings import Settings
from headrace_runner.stop import Stop


class Rotation:
    """The files of a run, and since when a server does not take what they say."""

    def __init__(self, settings: Settings, stop: Stop, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._stop = stop
        self._clock = clock
        given = {
            "the source": settings.source_dsn,
            "the target": settings.target_dsn,
            "Elasticsearch": settings.elasticsearch,
        }
        self._files = {part: path for part, path in given.items() if isinstance(path, Path)}
        self._since: float | None = None
        self._last = float("-inf")
        """When they were last refused."""

    def hope(self, error: CredentialsError, *, moved: bool) -> None:
        """Raises the error where no other credentials are to come, or none came in time.

        `moved`: there was progress since the last refusal, so that this is the first one of another change; as it is
        when the last one is long ago.
        """
        now = self._clock()
        long_ago = self._settings.rotation_seconds + self._settings.again_seconds
        if self._since is None or moved or now - self._last > long_ago:
            self._since = now
        self._last = now
        if error.part not in self._files or self._clock() >= self._end:
            raise error

    def wait(self, error: CredentialsError) -> None:
        """Until the file is another one, or it is time to try again; raises StoppedError."""
        path = self._files[error.part]
        seen, until = _state(path), min(self._clock() + self._settings.again_seconds, self._end)
        while _state(path) in (seen, None):
            left = until - self._clock()
            if left <= 0:
                return
            self._stop.wait(min(self._settings.look_seconds, left))

    @property
    def _end(self) -> float:
        return (self._since or 0.0) + self._settings.rotation_seconds


def _state(path: Path) -> tuple[Path, bytes] | None:
    """Its text, and where it lies: Kubernetes leads to another folder when any file beside it changes."""
    try:
        return path.resolve(), path.read_bytes()
    except OSError:
        return None
