"""The fence and the checkpoint of a run into an index: they lie in the store, for an index has no transactions."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from headrace.postgres.connect import connect
from headrace.postgres.deadlines import deadline, shut_down
from headrace.postgres.problems import translated
from headrace.runspec import RunSpec
from headrace.store import dead_letters
from headrace.store.dead_letters import Letter
from headrace.store.fences import Claimant, Fence
from headrace_runner.identity import Identity
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

    def take(self, *, held_before: bool) -> Checkpoint:
        """Takes the fence, unless the checkpoint says that this run is done; raises FencedError."""
        with self._asking():
            row = self._fence.take(held_before=held_before)
        self.first_version = row["first_version"]
        return _checkpoint(row)

    def check(self) -> None:
        """Returns when the fence is still ours; else raises FencedError."""
        with self._asking():
            self._fence.check()

    def draw_version(self) -> int:
        """A version above all that were drawn before, and above what their statements' rows made of them."""
        with self._asking():
            return self._fence.draw() << ROW_BITS

    def begin(self, start: Start) -> None:
        """Saves where the run starts."""
        identity = start.identity
        if start.position.key is None:
            self.first_version = self.draw_version()
        values = {
            "pipeline_uid": self._spec.pipeline_uid,
            "target_id": identity.target_id,
            **identity.as_row(),
            "first_version": self.first_version,
            **_position_values(start.position),
            **_counter_values(start.counters),
        }
        with self._asking():
            self._fence.begin(values)

    def save(
        self, position: Position, counters: Counters, letters: Sequence[Letter] = (), *, done: bool = False
    ) -> None:
        """Saves how far the run is, together with the rows that were put aside; raises FencedError."""
        with self._asking(), self._connection.transaction():
            self._fence.save({**_position_values(position), **_counter_values(counters), "done": done})
            dead_letters.save(self._connection, self._spec, letters)
            if done and (self._spec.kind == "Rebuild" or (self._spec.mode == "full" and self._spec.prune)):
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


def _checkpoint(row: Mapping[str, Any]) -> Checkpoint:
    identity = None if row["run_id"] is None else Identity.of_row(row, row["target_id"])
    return Checkpoint(
        holder=int(row["holder"]) + 1,
        run_id=row["run_id"],
        identity=identity,
        position=Position(
            key=None if row["last_key"] is None else tuple(row["last_key"]),
            value=row["last_value"],
            look_back=row["look_back"],
        ),
        counters=Counters(
            rows_read=row["rows_read"],
            rows_written=row["rows_written"],
            batches=row["batches"],
            bad_rows=row["bad_rows"],
        ),
        done=row["done"],
    )


def _position_values(position: Position) -> dict[str, Any]:
    key = None if position.key is None else list(position.key)
    return {"last_key": key, "last_value": position.value, "look_back": position.look_back}


def _counter_values(counters: Counters) -> dict[str, int]:
    return {
        "rows_read": counters.rows_read,
        "rows_written": counters.rows_written,
        "batches": counters.batches,
        "bad_rows": counters.bad_rows,
    }
