"""What a stream reads again, because rows may have come behind its cursor. Pure: no clock, no I/O.

A stream does not wait for transactions in progress; it remembers them. Each is known from the first look that finds it,
and began after the look before that: so it writes keys above what had been read by then, its mark. When it has ended,
what lies between its mark and the cursor is read once more, in a snapshot that sees it. That is exact for keys set by
the server, and in the busiest case each row is read three times: a read of the whole lookback each second would be
150,000 rows/s where 500 change.

For what no transaction tells (a time set by an application, one that is cut to the second or the day, a standby's
writers) the promise is the lookback, as for incremental runs: a sweep reads it again, every `SWEEP_SECONDS`, or
`DOUBT_SECONDS` where the source does not know its writers, until one has begun a lookback after the last row came.

All of that is read in portions, between two looks for new rows, which never wait for it. As long as anything of it is
owed the checkpoint says so: the next process begins at the earliest mark, and looks back.
"""

import dataclasses
from dataclasses import dataclass, field

from headrace_runner.protocols import Look, Position

PORTION = 10_000
"""Rows of one read: 0.1 to 0.2 s, by which new rows may be late."""
SWEEP_SECONDS = 60.0
DOUBT_SECONDS = 10.0
REST = 10
"""After a sweep there is none for so many times as long as it took."""
SHORTEST_SECONDS = 0.01
"""Rows that may be later by less than this need no sweep."""
PREPARED = "prepared "
"""What the name of a prepared transaction begins with."""


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """How far all was read at some time: a later one is greater."""

    serial: int
    position: Position = field(compare=False)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows to read again: after `start`, up to the cursor value `end`, it included."""

    mark: Mark
    start: Position
    end: str
    is_sweep: bool = False


class Trail:
    """What is behind the cursor of one attempt; times are monotonic seconds."""

    def __init__(self, start: Position, now: float) -> None:
        self.frontier = Mark(0, dataclasses.replace(start, look_back=False))
        """As far as new rows were read."""
        self._open: dict[str, Mark] = {}
        self._owed: list[Stretch] = []
        self._since: Mark | None = None
        """Where the frontier was when the last sweep began; None: none is needed."""
        self._late: float | None = None
        self._pause = SWEEP_SECONDS
        self._took = 0.0
        """How long the last sweep took."""
        self._moved = self._swept = now
        if start.look_back and start.value is not None:
            self._since = self.frontier
            self._owed.append(Stretch(self.frontier, start, start.value))

    @property
    def known(self) -> frozenset[str]:
        """Transactions that may still commit rows behind the frontier."""
        return frozenset(self._open)

    def note(self, look: Look) -> None:
        """What a look found, before the rows up to its horizon are read."""
        self._late = None if (look.late_seconds or 0.0) < SHORTEST_SECONDS else look.late_seconds
        self._pause = DOUBT_SECONDS if look.is_in_doubt else SWEEP_SECONDS
        earliest = min([*self._open.values(), self.frontier])
        ended = [self._open.pop(name) for name in self.known - look.in_progress]
        for name in look.in_progress - self.known:
            # One that was prepared goes on under another name, and nobody knows whose it was.
            self._open[name] = earliest if name.startswith(PREPARED) else self.frontier
        if ended:
            self._owe(min(ended))

    def advance(self, position: Position, now: float) -> None:
        """New rows were read, up to this one."""
        self.frontier = Mark(self.frontier.serial + 1, dataclasses.replace(position, look_back=False))
        self._moved = now
        if self._since is None and self._late is not None:
            self._since = self.frontier

    def next(self, now: float, *, longest: bool = False) -> Stretch | None:
        """What to read again now: the shortest, or the longest; a sweep is longer than all others."""
        if not self._owed:
            self._sweep(now)
        choose = min if longest else max
        return choose(self._owed, key=lambda stretch: (not stretch.is_sweep, stretch.mark), default=None)

    def went_on(self, stretch: Stretch, position: Position | None, now: float) -> None:
        """A portion of a stretch was read, up to this row; None: all that was left of it."""
        self._owed.remove(stretch)
        if position is not None:
            self._owed.append(dataclasses.replace(stretch, start=dataclasses.replace(position, look_back=False)))
        elif stretch.is_sweep:
            self._took = now - self._swept

    @property
    def has_caught_up(self) -> bool:
        """All that was committed when the last look began was read, but for what only a sweep finds."""
        return all(stretch.is_sweep for stretch in self._owed)

    def resume_at(self) -> Position | None:
        """Where the next process has to begin; None: after the frontier."""
        marks = [*self._open.values(), *(stretch.mark for stretch in self._owed)]
        if self._since is not None:
            marks.append(self._since)
        if not marks:
            return None
        position = min(marks).position
        return dataclasses.replace(position, look_back=self._since is not None and position.value is not None)

    def _owe(self, mark: Mark) -> None:
        end = self.frontier.position.value
        # Where the frontier has not moved since, its rows are still to come.
        if end is not None and mark < self.frontier:
            others = [stretch for stretch in self._owed if stretch.is_sweep or stretch.mark < mark]
            self._owed = [*others, Stretch(mark, mark.position, end)]

    def _sweep(self, now: float) -> None:
        since, end = self._since, self.frontier.position.value
        if since is None or end is None:
            return
        if self._late is None or self._swept >= self._moved + self._late:
            self._since = None
        elif now - self._swept >= max(self._pause, REST * self._took):
            self._owed.append(Stretch(since, dataclasses.replace(since.position, look_back=True), end, is_sweep=True))
            self._swept, self._since = now, self.frontier
