"""Threads for what blocks the event loop otherwise: most of all the look-up of host names, which nothing can end."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Thread
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class OneEach(ThreadPoolExecutor):
    """A thread for each call: one that hangs holds up no other, nor the end of the process.

    How many hang at once is bounded by how often each source is looked at. asyncio takes a ThreadPoolExecutor only.
    """

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Starts the call at once."""
        future: Future[T] = Future()
        Thread(target=_run, args=(future, fn, args, kwargs), name="one-each", daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Waits for nobody."""


def _run(future: Future[Any], fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = fn(*args, **kwargs)
    except BaseException as error:  # noqa: BLE001 - it is raised where the result is wanted
        future.set_exception(error)
    else:
        future.set_result(result)
