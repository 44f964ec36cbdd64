"""Two threads that send batches to an index, and what of them was acknowledged."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from headrace.errors import FencedError, PermanentError, TransientError
from headrace_runner.protocols import Batch
from headrace_runner.targets.elasticsearch.acknowledged import Acknowledged, Acknowledgements, BadRow
from headrace_runner.targets.elasticsearch.bodies import BYTES, DOCUMENTS, Backlog, Body, Limit, rows_of
from headrace_runner.targets.elasticsearch.delivery import Delivered, Delivery, bulk_path
from headrace_runner.targets.elasticsearch.throttle import Throttle
from headrace_runner.targets.elasticsearch.transport import Connection

__all__ = ["Acknowledged", "BadRow", "Senders"]

SENDERS = 2
"""Over the official client 1, 2 and 3 of them reach 0.66, 0.84 and 0.89 of the greatest speed; each holds a body."""
PATIENCE_SECONDS = 60.0
"""Elasticsearch may refuse, or be away, for so long while no document gets in; a restart takes 10 to 30 s."""
_PAUSES = (0.1, 5.0)
"""The first, and the longest, between two posts that failed, in seconds."""
_JOIN_SECONDS = 2.0


class Senders:
    """Takes batches in order and says which of them are in the index, in the same order.

    Used by one thread, but for `cancel`. `open_connection` is called once for each sender, in its own thread, as is
    `check`, before each request and never twice at the same time; it raises FencedError when the fence is lost. What
    ends a sender is raised by `put`, `flush` and `done`: PermanentError when nothing gets in, TransientError when
    Elasticsearch did not take a document for `PATIENCE_SECONDS`, and whatever `check` raises. Before that, `done` hands
    out what was acknowledged. Documents that are refused raise nothing: they are in `Acknowledged.bad`.

    Bodies in memory: one with each sender, one waiting, and the batch that `put` has in hand. A batch's bytes are let
    go of as soon as bodies have been cut out of all of it.
    """

    def __init__(
        self,
        open_connection: Callable[[], Connection],
        *,
        index: str,
        check: Callable[[], None],
        require_alias: bool = False,
        wants_status: bool = False,
        count: int = SENDERS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """`index` is an alias when `require_alias` says so: then no bulk makes an index that is gone.

        `wants_status`: a version that is there already counts as unchanged, not as written.
        """
        self._open_connection = open_connection
        self._path = bulk_path(index, require_alias=require_alias)
        self._fence = check
        self._wants_status = wants_status
        self._patience = patience_seconds
        # One body: with one for each sender it was no faster, and took 3 MB more.
        self._room = Limit(DOCUMENTS, BYTES)
        self._throttle = Throttle(count)
        self._backlog = Backlog()
        self._acknowledgements = Acknowledgements()
        self._done: list[Acknowledged] = []
        self._posting = 0
        self._got_in = time.monotonic()
        """When a document got in last."""
        self._error: BaseException | None = None
        self._over = threading.Event()
        self._changed = threading.Condition()
        self._checking = threading.Lock()
        self._connections: list[Connection] = []
        self._threads = [threading.Thread(target=self._run, name=f"send-{n}", daemon=True) for n in range(count)]
        for thread in self._threads:
            thread.start()

    def put(self, batch: Batch) -> None:
        """Takes a batch; waits while as many documents as a body holds are waiting already."""
        with self._changed:
            self._changed.wait_for(lambda: self._error or self._has_room())
            self._raise()
            number = self._acknowledgements.open(batch)
            self._backlog.add(number, batch.rows)
            if not batch.rows:
                self._done += self._acknowledgements.settle({})
            self._changed.notify_all()

    def post(self, lines: Iterable[tuple[bytes, bytes]]) -> None:
        """Takes documents that belong to no batch of the source: action and document, an empty one in a delete."""
        self.put(Batch(rows=rows_of(lines), first=None, last=None, previous=None, final=False))

    def done(self) -> list[Acknowledged]:
        """The batches that were acknowledged since; none is left out, and none waited for."""
        with self._changed:
            done, self._done = self._done, []
            if not done:
                self._raise()
            return done

    def flush(self) -> None:
        """Waits until all batches are acknowledged."""
        with self._changed:
            self._changed.wait_for(lambda: self._error or not self._acknowledgements)
            self._raise()

    def cancel(self) -> None:
        """Ends all requests at once, from another thread; `put`, `flush` and `done` raise TransientError."""
        self._fail(TransientError("Elasticsearch: the requests in hand were cancelled"))
        self._hang_up()

    def close(self) -> None:
        """Lets go of all, also of what is under way; `flush` before."""
        self._fail(TransientError("Elasticsearch: the senders are closed"))
        self._hang_up()
        until = time.monotonic() + _JOIN_SECONDS
        for thread in self._threads:
            # One that hangs in a connect posts nothing any more: it asks before each request.
            thread.join(timeout=max(0.0, until - time.monotonic()))

    def _has_room(self) -> bool:
        return self._backlog.documents < self._room.documents and self._backlog.size < self._room.size

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            # Who lost the fence must not say that he may come back.
            if self._error is None or isinstance(error, FencedError):
                self._error = error
            self._over.set()
            self._changed.notify_all()

    def _hang_up(self) -> None:
        with self._changed:
            connections = list(self._connections)
        for connection in connections:
            connection.cancel()

    def _run(self) -> None:
        """One sender."""
        try:
            connection = self._open_connection()
            with self._changed:
                self._connections.append(connection)
            delivery = Delivery(connection, self._path, self._check, wants_status=self._wants_status)
            try:
                while (body := self._take()) is not None:
                    self._deliver(delivery, body)
            finally:
                connection.close()
        except _OverError:
            pass
        except BaseException as error:  # noqa: BLE001  # it is raised in the thread that puts
            self._fail(error)

    def _check(self) -> None:
        with self._checking:
            if self._over.is_set():
                raise _OverError
            self._fence()

    def _take(self) -> Body | None:
        """The next body, as soon as there is one of any size; None when all is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._over.is_set() or self._backlog.documents)
            if self._over.is_set():
                return None
            body = self._backlog.take(self._throttle.limit)
            self._changed.notify_all()
            return body

    def _deliver(self, delivery: Delivery, body: Body) -> None:
        """Posts a body, and again what of it is not done, until all is."""
        left, failures, since = deque([body]), 0, 0.0
        while left:
            with self._turn() as limit:
                first, *rest = left.popleft().parts(limit)
                delivered = delivery.post(first)
            self._note(delivered)
            left.extendleft(reversed(delivered.left + rest))
            if delivered.trouble is None or delivered.tallies:
                failures = 0
            if delivered.trouble is not None:
                failures += 1
                since = since if failures > 1 else time.monotonic()
                self._pause(failures, since, delivered.trouble, left[0])

    @contextmanager
    def _turn(self) -> Iterator[Limit]:
        """Waits until another body may be under way."""
        with self._changed:
            self._changed.wait_for(lambda: self._over.is_set() or self._posting < self._throttle.in_flight)
            if self._over.is_set():
                raise _OverError
            self._posting += 1
            limit = self._throttle.limit
        try:
            yield limit
        finally:
            with self._changed:
                self._posting -= 1
                self._changed.notify_all()

    def _note(self, delivered: Delivered) -> None:
        with self._changed:
            if delivered.tallies:
                self._got_in = time.monotonic()
            self._done += self._acknowledgements.settle(delivered.tallies)
            if delivered.refused is not None:
                self._throttle.refused(delivered.refused)
            elif delivered.too_large is not None:
                self._throttle.too_large(delivered.too_large)
            elif delivered.trouble is None:
                self._throttle.accepted()
            self._changed.notify_all()

    def _pause(self, failures: int, since: float, trouble: TransientError, body: Body) -> None:
        """Waits after a post that failed, longer each time; raises when there is no hope left."""
        if time.monotonic() - max(since, self._got_in) > self._patience:
            if len(body) == 1 and len(body.data) > BYTES:
                raise PermanentError(f"{trouble.message}: a document of {len(body.data)} bytes may be too much for it")
            raise trouble
        first, longest = _PAUSES
        # Not all at the same moment; `random` costs 4 ms to import.
        chance = 0.5 + os.urandom(1)[0] / 510
        self._over.wait(min(longest, first * 2 ** (failures - 1)) * chance)


class _OverError(Exception):
    """All is over: leave without a word."""
