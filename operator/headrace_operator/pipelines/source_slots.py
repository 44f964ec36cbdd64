"""Who has a connection to which source, runs and previews, and who waits for one: what `maxConnections` bounds."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from headrace.lifecycle.endpoints import SourceUse
from headrace.lifecycle.holds import Holds

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Waiter:
    """One that waits for a connection."""

    pipeline: str | None
    """None: it is of no pipeline, and is woken by its own key."""
    since: float
    """When it began to wait here."""
    in_line: bool = True
    """false: it waits for a slot of the installation now; it keeps its place, and is in nobody's way."""


class SourceSlots:
    """First come, first served, source by source."""

    def __init__(
        self, wake: Callable[[str], None], bound_of: Callable[[str], int | None], clock: Callable[[], float]
    ) -> None:
        """`bound_of` tells how many of a source's connections are for these; None: it has no bound."""
        self._wake, self._bound_of, self._clock = wake, bound_of, clock
        self.wake_other: Callable[[str], None] = lambda _: None
        self._at_work: dict[str, dict[str, str | None]] = {}
        """By source those that have one, and the pipeline of each."""
        self._waiting: dict[str, dict[str, _Waiter]] = {}
        """By source, in the order in which they came."""
        self._had: dict[str, dict[str, str]] = {}
        self._waited: dict[str, dict[str, str]] = {}
        """By pipeline the runs that have a connection, and that wait for one, with the source of each."""

    def use(self, source: str, pipeline: str) -> SourceUse:
        """Who has one besides the pipeline, and who waits."""
        holders = self._at_work.get(source, {})
        return SourceUse(
            elsewhere=sum(other != pipeline for other in holders.values()),
            line=tuple(uid for uid, waiter in self._waiting.get(source, {}).items() if waiter.in_line),
        )

    @property
    def waiting(self) -> dict[str, float]:
        """The pipelines with a run that waits for one, and since when; not those that wait for a slot first."""
        since: dict[str, float] = {}
        for line in list(self._waiting.values()):
            for waiter in list(line.values()):
                if waiter.pipeline is not None and waiter.in_line:
                    since[waiter.pipeline] = min(waiter.since, since.get(waiter.pipeline, waiter.since))
        return since

    def of(self, pipeline: str) -> dict[str, str]:
        """The pipeline's runs that have one, and the source of each."""
        return dict(self._had.get(pipeline, {}))

    def is_bound(self, source: str) -> bool:
        """Whether there are only so many."""
        return self._bound_of(source) is not None

    def settle(self, pipeline: str, holds: Holds) -> None:
        """Keeps what a plan has decided: who of the pipeline has one, who waits, who waits for something else first."""
        has, waits = holds.connections, holds.waits_for_source
        had, waited = self._had.pop(pipeline, {}), self._waited.pop(pipeline, {})
        wanted = {uid: source for uid, source in waited.items() if uid in holds.put_off} | dict(waits)
        self._had |= {pipeline: dict(has)} if has else {}
        self._waited |= {pipeline: wanted} if wanted else {}
        left = {source for uid, source in had.items() if has.get(uid) != source and _drop(self._at_work, source, uid)}
        for uid, source in has.items():
            self._at_work.setdefault(source, {})[uid] = pipeline
        for uid, source in waited.items():
            if wanted.get(uid) != source:
                _drop(self._waiting, source, uid)
        for uid, source in wanted.items():
            # One that is there already keeps its place.
            line = self._waiting.setdefault(source, {})
            since = line[uid].since if uid in line else self._clock()
            line[uid] = _Waiter(pipeline, since, in_line=uid in waits)
        stepped = {source for uid, source in waited.items() if waits.get(uid) != source}
        for source in left | stepped:
            self.wake_line(source)

    def leave(self, pipeline: str) -> None:
        """Takes a pipeline's runs out of every line: nobody knows when it can be looked at again."""
        self.settle(pipeline, Holds(connections=self._had.get(pipeline, {})))

    def take(self, source: str, key: str, bound: int | None) -> bool:
        """Takes a connection for something of no pipeline, or puts it into the line."""
        holders, line = self._at_work.get(source, {}), self.use(source, "").line
        if key not in holders and bound is not None:
            ahead = line.index(key) if key in line else len(line)
            if bound - len(holders) - ahead <= 0:
                self._waiting.setdefault(source, {}).setdefault(key, _Waiter(None, self._clock()))
                return False
        self.hold(source, key)
        return True

    def hold(self, source: str, key: str) -> None:
        """Something of no pipeline has one, whatever the bound is."""
        _drop(self._waiting, source, key)
        self._at_work.setdefault(source, {})[key] = None

    def free(self, source: str, key: str) -> None:
        """Something of no pipeline has none, and waits for none."""
        _drop(self._waiting, source, key)
        _drop(self._at_work, source, key)
        self.wake_line(source)

    def wake_all(self) -> None:
        """Wakes as many as there is room for, at all sources."""
        for source in list(self._waiting):
            self.wake_line(source)

    def wake_line(self, source: str) -> None:
        """Wakes the first of those who wait, as many as there is room for."""
        line = [(uid, waiter) for uid, waiter in self._waiting.get(source, {}).items() if waiter.in_line]
        bound = self._bound_of(source)
        room = len(line) if bound is None else bound - len(self._at_work.get(source, {}))
        for uid, waiter in line[: max(0, room)]:
            if waiter.pipeline is None:
                self.wake_other(uid)
            else:
                self._wake(waiter.pipeline)


def _drop(known: dict[str, dict[str, T]], source: str, uid: str) -> bool:
    there = known.get(source, {})
    was_there = uid in there
    there.pop(uid, None)
    if source in known and not there:
        del known[source]
    return was_there
