"""What is measured: each case says what the target holds before, and what moves the rows."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from headrace_bench import data, runner
from headrace_bench.data import QUERY, TABLE, Before
from headrace_bench.pipes import pipe
from headrace_bench.place import Place
from headrace_bench.process import Took

DEFAULT_BATCH, LARGE_BATCH = 1_000, 20_000


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the result."""

    name: str
    title: str
    prepare: Callable[[Place], None]
    run: Callable[[Place], Took]
    table: str = TABLE
    headrace: bool = True
    """Whether its memory is the runner's."""
    bare: Callable[[Place], Took] | None = None
    """The same work without Kubernetes, measured right before."""
    plain: "Case | None" = None
    """What it is compared with; None: what the others are."""
    verify: Callable[[Place], None] | None = None
    """Raises WrongTargetError; None compares the target's table with the source's."""
    rounds: int | None = None
    """How often it is measured at most; None: as often as the others."""
    rows: int | None = None
    """How many it moves; None: as many as the others."""


def holding(before: Before) -> Callable[[Place], None]:
    """Makes the target's table, with what it holds before."""
    return lambda place: data.prepare_target(place.server, before, log=place.log)


def piping(query: str) -> Callable[[Place], Took]:
    """Moves the rows of a query by two psql."""
    return lambda place: pipe(place.server, query, TABLE, place.log)


def running(batch_size: int) -> Callable[[Place], Took]:
    """Moves the rows by a bare runner."""
    return lambda place: runner.run(place, runner.Job(batch_size))


_IDLE = runner.Job(DEFAULT_BATCH, "incremental", "bench.incremental", "incremental")


def _load_incremental(place: Place) -> None:
    """The first run of an incremental pipeline, once; the measured ones come after it."""
    if not data.exists(place.server, _IDLE.table):
        data.prepare_target(place.server, Before.EMPTY, _IDLE.table, log=place.log)
        runner.run(place, replace(_IDLE, batch_size=LARGE_BATCH))


def _both_batches(name: str, title: str, before: Before) -> tuple[Case, ...]:
    return tuple(
        Case(f"{name}-{batch}", f"{title}, batch {batch:,}", holding(before), running(batch))
        for batch in (DEFAULT_BATCH, LARGE_BATCH)
    )


PLAIN = Case("plain", "plain pipe", holding(Before.EMPTY), piping(QUERY), headrace=False)
SORTED = Case("sorted", "sorted pipe", holding(Before.EMPTY), piping(f"{QUERY} ORDER BY id"), headrace=False)
CASES = (
    SORTED,
    *_both_batches("empty", "empty target", Before.EMPTY),
    *_both_batches("staging", "empty target, by staging", Before.STAGED),
    *_both_batches("sparse", "one row in a thousand there", Before.SPARSE),
    *_both_batches("changed", "full target, every row changed", Before.CHANGED),
    *_both_batches("unchanged", "full target, nothing changed", Before.SAME),
    *_both_batches("percent", "full target, 1 % changed", Before.ONE_PERCENT),
    Case("idle", "incremental, nothing to do", _load_incremental, lambda place: runner.run(place, _IDLE), _IDLE.table),
)
