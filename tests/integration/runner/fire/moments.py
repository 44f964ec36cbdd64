"""The moments at which a runner is killed: messages on the way to or from a server."""

import os
import re
import signal
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from tests.integration.runner.fire.wiretap import CutError, Message, Wiretap

SECONDS = 30
CHECKPOINT = r"UPDATE .*pipeline_checkpoints.* SET last_key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When such a message is about to pass for the `number`th time."""

    name: str
    side: str = "target"
    """`source`, `target` or `store`."""
    kind: str
    """A message's; any when empty."""
    statement: str
    """A pattern for the statement in hand."""
    transaction: str = ""
    """A pattern for its transaction."""
    tag: str = ""
    """A pattern for an answer's tag."""
    number: int = 1

    def is_like(self, message: Message) -> bool:
        """Whether a message is of this kind, be it the first or not."""
        return (
            self.kind in ("", message.kind)
            and re.match(self.tag, message.tag) is not None
            and re.search(self.statement, message.statement, re.DOTALL) is not None
            and re.search(self.transaction, message.transaction, re.DOTALL) is not None
        )


def around(name: str, statement: str, tag: str, **more: object) -> tuple[Moment, Moment]:
    """Before: the server never gets the statement. After: it is done with it, and the runner does not know."""
    return (
        Moment(name=f"before {name}", kind="statement", statement=statement, **more),
        Moment(name=f"after {name}", kind="answer", statement=statement, tag=tag, **more),
    )


FENCE = around("the fence is taken", r"UPDATE .*pipeline_checkpoints.* SET epoch", "UPDATE 1")
BEGIN = around("the run begins", r"UPDATE .*pipeline_checkpoints.* fingerprint = ", "UPDATE 1")
BEFORE_COPY, AFTER_COPY = around("COPY", r"COPY .* FROM STDIN", "COPY")
COPY = (BEFORE_COPY, Moment(name="within COPY", kind="rows", statement=r"COPY .* FROM STDIN"), AFTER_COPY)
COMPARE = around("the target's rows are read", r"COPY .* TO STDOUT", "COPY")
SECOND_READ = around("keys are read again", r"COPY .*headrace_keys.* FROM STDIN", "COPY")
UPSERT = around("rows are merged", r"MERGE INTO|INSERT INTO .* ON CONFLICT \(", "MERGE|INSERT")
SWAP = around("rows are swapped in", r"INSERT INTO .* SELECT", "INSERT")
PRUNE = around("rows are pruned", r"DELETE FROM", "DELETE")
SAVE = around("the checkpoint", CHECKPOINT, "UPDATE 1")
COMMIT = around("COMMIT", "COMMIT", "COMMIT", transaction=CHECKPOINT)
SECOND_COMMIT = around("the second COMMIT", "COMMIT", "COMMIT", transaction=CHECKPOINT, number=2)
REPORT = around("a report", r"UPDATE headrace.runs", "UPDATE 1", side="store", number=2)
LAST_REPORT = around("the last report", r"UPDATE headrace.runs.* DONE", "UPDATE 1", side="store")


class Ambush:
    """Waits for a process at a moment; what then happens is for a subclass to say."""

    def __init__(self, moment: Moment, taps: Mapping[str, Wiretap]) -> None:
        self.fired = threading.Event()
        self._moment = moment
        self._seen = 0
        self._pid = 0
        self._known = threading.Event()
        self._lock = threading.Lock()
        for side, tap in taps.items():
            tap.listener = self._hear if side == moment.side else lambda message: None

    def aim(self, pid: int) -> None:
        """Takes the process to wait for."""
        self._pid = pid
        self._known.set()

    def strike(self) -> None:
        """Called when the moment is there, and for all that wants to pass later; may raise CutError."""
        raise NotImplementedError

    def _hear(self, message: Message) -> None:
        with self._lock:
            self._seen += self._moment.is_like(message)
            if self._seen < self._moment.number:
                return
            self._known.wait(SECONDS)
        self.strike()


class Killer(Ambush):
    """Kills the process, and lets nothing more of it pass there."""

    def strike(self) -> None:
        """The first time kills."""
        if not self.fired.is_set():
            os.kill(self._pid, signal.SIGKILL)
            self.fired.set()
        raise CutError


class Freezer(Ambush):
    """Stops the process, and holds what it had sent until it is woken."""

    def __init__(self, moment: Moment, taps: Mapping[str, Wiretap]) -> None:
        super().__init__(moment, taps)
        self._woken = threading.Event()

    def strike(self) -> None:
        """The first time stops; whatever comes until then waits."""
        if not self.fired.is_set():
            os.kill(self._pid, signal.SIGSTOP)
            self.fired.set()
        self._woken.wait()

    def wake(self) -> None:
        """Lets the process go on, and passes what it had sent."""
        os.kill(self._pid, signal.SIGCONT)
        self._woken.set()
