"""A run's progress, live: a bar on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from headrace_local.api import FINAL, Api
from headrace_local.waiting import TooLongError

_EVERY = 0.1
_PLAIN_STEP = 0.25
Run = dict[str, Any]


def follow(
    console: Console, api: Api, run: Run, total: int, *, until: Callable[[Run], bool] | None = None, seconds: float = 90
) -> Run:
    """Shows how far a run is until it is over, or `until` says so, and returns it as it is then.

    Raises TooLongError after so many seconds.
    """
    deadline = time.monotonic() + seconds
    with (_Bar if console.is_terminal else _Lines)(console, total) as view:
        while True:
            run = api.one_run(run["pipeline_id"], run["id"])
            view.show(run)
            if run["status"] in FINAL or (until is not None and until(run)):
                return run
            if time.monotonic() > deadline:
                raise TooLongError(f"the run is {run['status']} at {run['rows_read']:,} rows after {seconds:g} s")
            time.sleep(_EVERY)


class _Bar:
    """One line that is drawn again and again."""

    def __init__(self, console: Console, total: int) -> None:
        columns = (BarColumn(36), MofNCompleteColumn(), TextColumn("rows"), TimeElapsedColumn())
        status = TextColumn("{task.description}")
        self._progress = Progress(TextColumn("  "), SpinnerColumn(), *columns, status, console=console)
        self._task = self._progress.add_task("", total=total)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def show(self, run: Run) -> None:
        """The run as the API shows it now."""
        self._progress.update(self._task, completed=run["rows_read"], description=run["status"])

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()


class _Lines:
    """A line for each quarter of the rows and each change of the status."""

    def __init__(self, console: Console, total: int) -> None:
        self._console, self._total = console, max(total, 1)
        self._last: tuple[str, int] | None = None

    def __enter__(self) -> Self:
        return self

    def show(self, run: Run) -> None:
        """The run as the API shows it now."""
        here = (str(run["status"]), int(run["rows_read"] / self._total / _PLAIN_STEP))
        if here != self._last:
            self._console.print(
                f"   {run['status']:<8} {run['rows_read']:>9,} of {self._total:,} rows", highlight=False
            )
        self._last = here

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass
