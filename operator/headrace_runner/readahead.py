"""Reads the next batches while the target writes one: both servers stay busy, and memory is the queue's."""

import threading
from collections.abc import Callable, Iterator
from queue import Empty, Full, Queue
from types import TracebackType
from typing import Self

from headrace.errors import StoppedError
from headrace_runner.protocols import Batch

BATCHES = 2
POLL_SECONDS = 0.2
JOIN_SECONDS = 5.0


class ReadAhead:
    """Iterates over a source's batches from a thread of its own; its errors are raised here.

    `left` is set when nobody takes batches any more: a source that waits for its server has to look at it.
    """

    def __init__(
        self, batches: Callable[[], Iterator[Batch]], check: Callable[[], None], left: threading.Event
    ) -> None:
        self._batches = batches
        self._check = check
        self._queue: Queue[Batch | BaseException] = Queue(maxsize=BATCHES)
        self._left = left
        self._thread = threading.Thread(target=self._read, name="read", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is not None:
            self._left.set()
        self._thread.join(timeout=JOIN_SECONDS)

    def __iter__(self) -> Iterator[Batch]:
        while True:
            self._check()
            try:
                item = self._queue.get(timeout=POLL_SECONDS)
            except Empty:
                continue
            if isinstance(item, BaseException):
                raise item
            yield item
            if item.final:
                return

    def _read(self) -> None:
        try:
            for batch in self._batches():
                self._put(batch)
        except BaseException as error:  # noqa: BLE001  # it is raised in the other thread
            if not self._left.is_set():
                self._put(error)

    def _put(self, item: Batch | BaseException) -> None:
        while not self._left.is_set():
            try:
                self._queue.put(item, timeout=POLL_SECONDS)
            except Full:
                continue
            return
        raise StoppedError("Nobody takes batches any more")
