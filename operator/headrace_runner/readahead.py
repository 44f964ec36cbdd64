"""Reads the next batches while the target writes some: both servers stay busy, and memory is the queue's."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from headrace.errors import StoppedError
from headrace_runner.groups import Group, Limit, size_of
from headrace_runner.protocols import Batch

QUEUE_BYTES = 4 * 1024 * 1024
POLL_SECONDS = 0.2
JOIN_SECONDS = 5.0


class ReadAhead:
    """A source's batches, read in a thread of their own and handed out in groups; its errors are raised here.

    `left` is set when nobody takes batches any more: a source that waits for its server has to look at it.
    """

    def __init__(
        self, batches: Callable[[], Iterator[Batch]], check: Callable[[], None], left: threading.Event
    ) -> None:
        self._batches = batches
        self._check = check
        self._left = left
        self._queue: deque[Batch] = deque()
        self._bytes = 0
        self._rows = 0
        self._wanted = 0
        """How many rows the queue must hold before the other thread is woken."""
        self._is_full = False
        """The reader waits until there is room."""
        self._error: BaseException | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, name="read", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is not None:
            self._left.set()
        self._thread.join(timeout=JOIN_SECONDS)

    def group(self, limit: Limit) -> Group:
        """The next batches, as many as `limit` allows; waits a moment for those that are still to come."""
        group = Group(limit)
        group.add(self._take())
        with self._changed:
            if not group.is_full:
                self._await_rows(limit.rows - group.rows, limit.linger)
            # An error is raised when what was read before it is written.
            while self._queue and not group.is_full and group.has_room(self._queue[0]):
                group.add(self._pop())
        return group

    def _take(self) -> Batch:
        """The next batch, however long it takes."""
        while True:
            self._check()
            with self._changed:
                if self._changed.wait_for(self._has_news, POLL_SECONDS):
                    return self._pop()

    def _await_rows(self, rows: int, seconds: float) -> None:
        """Waits until the queue holds so many, or will hold no more."""
        # 2 million rows in batches of 1,000 take 6.9 s when each batch wakes us, and 5.0 s like this.
        self._wanted = rows
        self._changed.wait_for(self._has_enough, seconds)
        self._wanted = 0

    def _has_news(self) -> bool:
        return bool(self._queue) or self._error is not None

    def _has_enough(self) -> bool:
        is_over = self._error is not None or (bool(self._queue) and self._queue[-1].final)
        return is_over or self._is_full or self._rows >= self._wanted

    def _pop(self) -> Batch:
        if not self._queue:
            assert self._error is not None
            raise self._error
        batch = self._queue.popleft()
        self._bytes -= size_of(batch)
        self._rows -= len(batch.rows)
        if self._is_full:
            self._is_full = False
            self._changed.notify()
        return batch

    def _read(self) -> None:
        try:
            for batch in self._batches():
                self._put(batch)
        except BaseException as error:  # noqa: BLE001  # it is raised in the other thread
            with self._changed:
                self._error = error
                self._changed.notify()

    def _put(self, batch: Batch) -> None:
        with self._changed:
            # One at least, whatever its size.
            while self._queue and self._bytes + size_of(batch) > QUEUE_BYTES:
                if self._left.is_set():
                    raise StoppedError("Nobody takes batches any more")
                self._is_full = True
                self._changed.notify()
                self._changed.wait(POLL_SECONDS)
            self._queue.append(batch)
            self._bytes += size_of(batch)
            self._rows += len(batch.rows)
            if self._has_enough():
                self._changed.notify()
