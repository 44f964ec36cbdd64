"""The fence and the checkpoint of a run into an index: they lie in the store, for an index has no transactions."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from headrace.postgres.connect import connect
from headrace.postgres.deadlines import deadline, shut_down
from headrace.postgres.problems import translated
from headrace.runspec import Mode, RunKind, RunSpec
from headrace.store import dead_letters
from headrace.store.dead_letters import Letter
from headrace.store.fences import Claimant, Fence
from headrace_runner.checkpoint_row import checkpoint_of, counter_values, position_values
from headrace_runner.identity import Identity, other_rows
from headrace_runner.protocols import Checkpoint, Counters, Position, Start
from headrace_runner.settings import Settings
from headrace_runner.storage import ANSWER_SECONDS, CONNECT_SECONDS, SETTINGS

ROW_BITS = 20
"""How far a statement's version is from the next: each of its rows may add its number to it."""


class StoreCheckpoint:
    """One pipeline's row in the store, seen by one process that may hold its fence; to be used by all its threads."""

    def __init__(self, spec: RunSpec, settings: Settings, owner: str) -> None:
        self._spec = spec
        self._lock = threading.RLock()
        name = f"headrace-write {spec.run_id}"
        with translated("the store"):
            self._connection = connect(
                settings.store_dsn, application_name=name, connect_timeout=CONNECT_SECONDS, settings=SETTINGS
            )
        claimant = Claimant(
            installation=spec.installation,
            namespace=spec.namespace,
            pipeline_name=spec.pipeline_name,
            run_id=spec.run_id,
            epoch=settings.epoch,
            owner=owner,
        )
        self._fence = Fence(self._connection, claimant)
        self.first_version = 0
        """What was written with a smaller version, the run did not see."""
        self._before: Identity | None = None
        """Of the run before, or of this one's attempt before."""

    def take(self, *, held_before: bool) -> Checkpoint:
        """Takes the fence, unless the checkpoint says that this run is done; raises FencedError."""
        with self._asking():
            row = self._fence.take(held_before=held_before)
        self.first_version = row["first_version"]
        checkpoint = checkpoint_of(row, target_id=row["target_id"])
        self._before = checkpoint.identity
        return checkpoint

    def check(self) -> None:
        """Returns when the fence is still ours; else raises FencedError."""
        with self._asking():
            self._fence.check()

    def draw_version(self) -> int:
        """A version above all that were drawn before, and above what their statements' rows made of them."""
        with self._asking():
            return self._fence.draw() << ROW_BITS

    def begin(self, start: Start) -> None:
        """Saves where the run starts; what was put aside before goes, when it was of other rows. Raises FencedError."""
        identity = start.identity
        if start.position.key is None:
            self.first_version = self.draw_version()
        values = {
            "pipeline_uid": self._spec.pipeline_uid,
            "target_id": identity.target_id,
            **identity.as_row(),
            "first_version": self.first_version,
            **position_values(start.position),
            **counter_values(start.counters),
        }
        with self._asking(), self._connection.transaction():
            self._fence.begin(values)
            if self._before is not None and other_rows(self._before, identity) is not None:
                dead_letters.drop_all(self._connection, self._spec)

    def save(
        self, position: Position, counters: Counters, letters: Sequence[Letter] = (), *, done: bool = False
    ) -> None:
        """Saves how far the run is, together with the rows that were put aside; raises FencedError."""
        with self._asking(), self._connection.transaction():
            self._fence.save({**position_values(position), **counter_values(counters), "done": done})
            dead_letters.save(self._connection, self._spec, letters)
            if done and (self._spec.kind == RunKind.REBUILD or (self._spec.mode == Mode.FULL and self._spec.prune)):
                # The run saw every row there is: what it did not put aside again is in the index, or left the query.
                dead_letters.drop_older(self._connection, self._spec)

    def letter_keys(self) -> list[tuple[str, ...]]:
        """The keys of the pipeline's dead letters."""
        with self._asking():
            return dead_letters.keys(self._connection, self._spec)

    def letter_ids(self) -> set[str]:
        """The documents that this run put aside."""
        with self._asking():
            return dead_letters.document_ids(self._connection, self._spec)

    def replace_letters(self, keys: Sequence[tuple[str, ...]], letters: Sequence[Letter]) -> None:
        """Removes the letters of these keys, but for those that were refused again; raises FencedError."""
        with self._asking(), self._connection.transaction():
            self._fence.check()
            dead_letters.drop(self._connection, self._spec, keys)
            dead_letters.save(self._connection, self._spec, letters)

    def cancel(self) -> None:
        """Ends what waits for the store, from another thread."""
        shut_down(self._connection.pgconn)

    def close(self) -> None:
        """Lets go of the connection."""
        self._connection.close()

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """One thread at a time, and not for ever."""
        with self._lock, translated("the store"), deadline(self._connection, ANSWER_SECONDS):
            yield
