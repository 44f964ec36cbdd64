"""Whose turn it is: few previews at once, and of one source fewer, so that runs are not kept waiting for long."""

from dataclasses import dataclass

from headrace.model.conditions import Reason
from headrace_operator.pipelines.slots import Slots
from headrace_operator.previews.seen import Wait
from headrace_operator.queues.keys import Looked, key

AT_ONCE, OF_ONE_SOURCE = 4, 2


@dataclass(frozen=True, slots=True)
class _Turn:
    uid: str
    source: str


class Room:
    """The previews at work, by `metadata.name`, each with the source whose connection it has."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._at_work: dict[str, _Turn] = {}
        self._in_line: dict[str, str] = {}
        """Those that wait for a connection to a source."""

    @property
    def at_work(self) -> dict[str, str]:
        """The previews that have their turn, by uid: the `metadata.name` of each."""
        return {turn.uid: name for name, turn in self._at_work.items()}

    def uid(self, name: str) -> str | None:
        """The uid of one that has its turn."""
        turn = self._at_work.get(name)
        return turn.uid if turn else None

    def take(self, name: str, uid: str, source: str, bound: int | None) -> Wait | None:
        """Gives a preview its turn, or says why it has to wait; asked again it keeps it.

        `bound`: so many connections of the source are for runs and previews; None: it has no bound.
        """
        if self.uid(name) == uid:
            return None
        if name in self._at_work:
            return Wait(Reason.WAITING_FOR_SLOT, "the preview that had its name before it has not ended")
        of_source = sum(source == turn.source for turn in self._at_work.values())
        if len(self._at_work) >= AT_ONCE or of_source >= OF_ONE_SOURCE:
            self.step_back(name)
            return Wait(Reason.WAITING_FOR_SLOT, "other previews are at work, as many as may be at once")
        if not self._slots.take_source(source, key(Looked.PREVIEW, name), bound):
            self._in_line[name] = source
            message = f"all connections to the source '{source}' are in use, as many as its maxConnections allows"
            return Wait(Reason.WAITING_FOR_SOURCE, message)
        self.hold(name, uid, source)
        return None

    def hold(self, name: str, uid: str, source: str) -> None:
        """Keeps that a preview is at work, whatever there is room for: it has begun."""
        self._in_line.pop(name, None)
        if name not in self._at_work:
            self._at_work[name] = _Turn(uid, source)
            self._slots.hold_source(source, key(Looked.PREVIEW, name))

    def free(self, name: str) -> bool:
        """Takes a preview's turn, or its place in the line, from it; whether it had its turn."""
        self.step_back(name)
        turn = self._at_work.pop(name, None)
        if turn is not None:
            self._slots.free_source(turn.source, key(Looked.PREVIEW, name))
        return turn is not None

    def step_back(self, name: str) -> None:
        """Takes a preview out of the line: it could not use a connection now, and others wait behind it."""
        source = self._in_line.pop(name, None)
        if source is not None:
            self._slots.free_source(source, key(Looked.PREVIEW, name))
