"""What sources and targets promise each other; they meet only here."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from headrace_runner.identity import Identity
from headrace_runner.projection import Projection
from headrace_runner.rows import Rows
from headrace_runner.shape import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a read starts: after this row. All values are text."""

    key: tuple[str, ...] | None = None
    value: str | None = None
    """The cursor's value; None in a full run."""
    look_back: bool = False
    """Rows may have committed behind the cursor: read again within the lookback."""


@dataclass(frozen=True, slots=True)
class Horizon:
    """How far an incremental run reads, and from where on rows may still come beside those that it read."""

    value: str | None
    """The greatest cursor value there is, as text; None when there is none."""
    unsettled_from: str | None = None
    """After a row with this cursor value, or a later time, the next run has to look back; None: after none."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """What a person should know of: reason to sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a stream sees when it looks for new rows."""

    horizon: Horizon
    in_progress: frozenset[str]
    """Transactions that may still commit rows up to the horizon; none where the source does not know its writers."""
    is_in_doubt: bool
    """It does not: rows may come behind the cursor, and nothing tells when."""
    late_seconds: float | None
    """For so long after it was read rows may come beside or below the last one, whatever transactions there were;
    infinity: as long as it is the last one; None: none can."""


@dataclass(frozen=True, slots=True)
class Edge:
    """The first or last row of a batch, as far as it says where we are; bytes as they came."""

    value: bytes | None
    key: tuple[bytes | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some rows in COPY's wire format, without header and trailer; possibly none when `final`.

    Of documents each row is the action, a byte 2, the document (nothing when the action deletes), a newline.
    """

    rows: Rows
    first: Edge | None
    last: Edge | None
    previous: Edge | None
    """The row before `first` in the same read."""
    final: bool
    unsettled: bool = False
    """Rows may still come at or below the last one: a read that begins after it has to look back."""
    resume_at: Position | None = None
    """Of a stream: where the next process begins once this batch is written, if not after its last row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """Totals of a run over all its attempts, of committed batches only."""

    rows_read: int = 0
    rows_written: int = 0
    batches: int = 0
    bad_rows: int = 0
    """Rows that the target refused and that were put aside."""

    def plus(self, *, rows_read: int, rows_written: int, batches: int, bad_rows: int = 0) -> "Counters":
        """Some batches more."""
        return Counters(
            rows_read=self.rows_read + rows_read,
            rows_written=self.rows_written + rows_written,
            batches=self.batches + batches,
            bad_rows=self.bad_rows + bad_rows,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What the target remembers of a pipeline."""

    holder: int
    run_id: str | None = None
    identity: Identity | None = None
    position: Position = field(default_factory=Position)
    counters: Counters = field(default_factory=Counters)
    done: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where a run begins: what the checkpoint says from now on."""

    identity: Identity
    position: Position
    counters: Counters


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Source and target, held against each other key by key."""

    source_count: int
    target_count: int
    missing: int
    """Rows that the target lacks."""
    extra: int
    """What the target has beyond them."""
    missing_keys: tuple[str, ...]
    """The first few."""
    extra_keys: tuple[str, ...]


class Source(Protocol):
    """Where rows come from. Raises PermanentError and TransientError; nothing of a driver's own."""

    def note_on_role(self) -> Mapping[str, str]:
        """Whether its role could write there: reason to sentence; never raises."""

    def describe(self) -> Shape:
        """The query's result, without running it."""

    def check(self, projection: Projection) -> None:
        """Raises PermanentError when the query can't be read like that, and names the column."""

    def horizon(self, projection: Projection, start: Position) -> Horizon:
        """How far an incremental run may read from `start`; waits a few seconds for transactions in progress."""

    def look(self, projection: Projection, start: Position, known: frozenset[str], patience: float) -> Look:
        """How far a stream may read from `start`; waits up to `patience` seconds for transactions not `known` yet."""

    def read(
        self, projection: Projection, start: Position, horizon: Horizon | None, limit: int | None = None
    ) -> Iterator[Batch]:
        """All rows after `start`, or the first `limit` (its own row counts), in order, the last batch marked `final`.

        Of a stream nothing is held in the source any more when the final batch is handed out.
        """

    def read_keys(self, projection: Projection, keys: Sequence[tuple[str, ...]]) -> Iterator[Batch]:
        """The rows with these keys, as far as the query gives them; the last batch marked `final`."""

    def count(self) -> int:
        """How many rows the query gives."""

    def close(self) -> None:
        """Lets go of the connection."""


class Target(Protocol):
    """Where rows go, together with the checkpoint and the fence. Raises as Source does, and FencedError."""

    notes: dict[str, str]
    """Conditions that a person should know of, reason to sentence."""

    def claim(self, *, held_before: bool) -> Checkpoint:
        """Takes the fence, unless the checkpoint says that this run is done.

        A process that `held_before` takes it back only from itself; raises FencedError.
        """

    def prepare(self, shape: Shape) -> Projection:
        """Matches the query's columns with the target's; makes a target that is missing."""

    def identity(self) -> Identity:
        """What positions in this target belong to."""

    def holds(self, key: tuple[str, ...]) -> bool:
        """Whether the row with this key is there."""

    def begin(self, start: Start) -> None:
        """Saves where the run starts and makes ready for its batches."""

    def write(self, batches: Sequence[Batch]) -> Checkpoint:
        """Writes one batch or more and the checkpoint; with the final one the run is done (`rereads`), unless a stream.

        All or nothing: after a PermanentError it can be called again, with fewer of them. A target that can't promise
        that writes on after it has returned; the checkpoint says what is written. Nothing is under way after the final
        batch, and after `settle`.
        """

    def resume_at(self, position: Position) -> None:
        """Of a stream, between two reads: the next process begins there."""

    def progress(self) -> Checkpoint | None:
        """What is committed of that by now, without waiting; None: nothing more than before. Raises as `write` does."""

    def settle(self) -> Checkpoint | None:
        """Waits for what is under way, when no batch will follow; returns what is committed. None: nothing was."""

    def rereads(self) -> Projection | None:
        """What has to be read once more after the last batch, if anything."""

    def keep(self, batches: Sequence[Batch]) -> Checkpoint:
        """Takes batches of `rereads`; with the final one the run is done."""

    def refused_keys(self) -> list[tuple[str, ...]]:
        """The keys of the rows that were put aside, as text; none where a refused row fails the run."""

    def replay(self, keys: Sequence[tuple[str, ...]], batches: Iterable[Batch]) -> Checkpoint:
        """Writes all that there is of these keys, some of `refused_keys`; only what is refused again stays aside."""

    def compare(self, shape: Shape, read: Callable[[Projection], Iterator[Batch]]) -> Comparison | str:
        """Holds the source's keys, which `read` reads, against the target's, and changes nothing; needs no `claim`.

        Where only counts can be compared, it says why; nothing when nobody would ask.
        """

    def count(self) -> int:
        """How many rows the target holds."""

    def cancel(self) -> None:
        """Ends the statement in hand, from another thread."""

    def close(self) -> None:
        """Lets go of the connection."""
