"""Rows that wait to be sent, and how bodies are cut out of them."""

from array import array
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from headrace_runner.rows import Rows

DOCUMENTS = 5_000
"""Of a body; from 1,000 to 10,000 the speed is the same."""
BYTES = 5 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limit:
    """What a body may hold; one document it always may."""

    documents: int = DOCUMENTS
    size: int = BYTES
    """In bytes."""


@dataclass(frozen=True)
class Body:
    """Some documents as Elasticsearch takes them: two lines each, the second one empty in a delete."""

    data: bytes
    owners: tuple[tuple[int, int], ...]
    """The numbers of the batches that they come from, each with how many documents are its."""
    cuts: tuple[tuple["array[int]", int, int], ...]
    """Where documents end, in pieces as they came: some ends, and the first and the last that count, of a whole."""

    def __len__(self) -> int:
        return sum(count for _, count in self.owners)

    @cached_property
    def ends(self) -> "array[int]":
        """Where each document ends in `data`; only needed when one of them is not done."""
        # To add up 5,000 of them takes 2 ms, as much as all else that is done with a body.
        ends: array[int] = array("I")
        for piece, start, end in self.cuts:
            shift = (ends[-1] if ends else 0) - (piece[start - 1] if start else 0)
            ends.extend(piece[start:end] if shift == 0 else (at + shift for at in piece[start:end]))
        return ends

    def batches(self) -> list[int]:
        """The number of the batch that each document comes from."""
        return [number for number, count in self.owners for _ in range(count)]

    def lines(self, positions: Iterable[int]) -> list[tuple[bytes, bytes]]:
        """The two lines of some documents."""
        found = []
        for position in positions:
            action, document, _ = self._row(position).split(b"\n")
            found.append((action, document))
        return found

    def only(self, positions: Iterable[int]) -> "Body":
        """These documents."""
        batches, chosen = self.batches(), list(positions)
        rows = [self._row(position) for position in chosen]
        owners = Counter(batches[position] for position in chosen)
        ends = array("I", accumulate(map(len, rows)))
        return Body(b"".join(rows), tuple(owners.items()), ((ends, 0, len(ends)),))

    def parts(self, limit: Limit) -> "list[Body]":
        """The same documents in bodies within a limit."""
        if len(self) <= limit.documents and len(self.data) <= limit.size:
            return [self]
        parts, start = [], 0
        while start < len(self):
            end = _end(self.ends, start, limit, at_least=1)
            parts.append(self.only(range(start, end)))
            start = end
        return parts

    def halves(self) -> "list[Body]":
        """Two bodies, of two documents at least."""
        middle = len(self) // 2
        return [self.only(range(middle)), self.only(range(middle, len(self)))]

    def _row(self, position: int) -> bytes:
        return self.data[self.ends[position - 1] if position else 0 : self.ends[position]]


@dataclass(slots=True)
class _Piece:
    """A batch's rows that no body has yet."""

    number: int
    rows: Rows
    start: int = 0
    """The first row that no body has."""

    @property
    def is_used_up(self) -> bool:
        """Bodies have all its rows."""
        return self.start == len(self.rows)


class Backlog:
    """Rows of batches that follow each other; bodies are cut between rows, across batches."""

    def __init__(self) -> None:
        self._pieces: deque[_Piece] = deque()
        self.documents = 0
        self.size = 0
        """In bytes."""

    def add(self, number: int, rows: Rows) -> None:
        """A batch's rows: action, the byte 2, document, newline."""
        if rows:
            self._pieces.append(_Piece(number, rows))
            self.documents += len(rows)
            self.size += len(rows.data)

    def take(self, limit: Limit) -> Body:
        """The next documents, as many as there are and `limit` allows; there must be one."""
        body = _Assembly(limit)
        while self._pieces and body.takes_from(self._pieces[0]):
            if self._pieces[0].is_used_up:
                self._pieces.popleft()
        self.documents -= body.documents
        self.size -= body.size
        return body.finished()


class _Assembly:
    """A body while it is put together."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._data: list[bytes] = []
        self._owners: list[tuple[int, int]] = []
        self._cuts: list[tuple[array[int], int, int]] = []
        self.documents = 0
        self.size = 0

    def takes_from(self, piece: _Piece) -> bool:
        """Takes what there is room for; whether that was something."""
        ends, start = piece.rows.ends, piece.start
        room = Limit(self._limit.documents - self.documents, self._limit.size - self.size)
        end = _end(ends, start, room, at_least=0 if self._data else 1)
        if end == start:
            return False
        begin = ends[start - 1] if start else 0
        # A whole batch, which is the rule, is not copied here.
        self._data.append(piece.rows.data[begin : ends[end - 1]])
        self._owners.append((piece.number, end - start))
        self._cuts.append((ends, start, end))
        self.documents += end - start
        self.size += ends[end - 1] - begin
        piece.start = end
        return True

    def finished(self) -> Body:
        """JSON text holds no control character: each byte 2 is the one between two lines."""
        data = b"".join(self._data).replace(b"\x02", b"\n")
        return Body(data, tuple(self._owners), tuple(self._cuts))


def rows_of(lines: Iterable[tuple[bytes, bytes]]) -> Rows:
    """Documents as rows: action and document, an empty one in a delete."""
    rows = [b"%b\x02%b\n" % pair for pair in lines]
    return Rows(b"".join(rows), array("I", accumulate(map(len, rows))))


def _end(ends: Sequence[int], start: int, limit: Limit, *, at_least: int) -> int:
    """Before which row a cut from `start` on ends."""
    begin = ends[start - 1] if start else 0
    return max(start + at_least, min(bisect_right(ends, begin + limit.size, start), start + limit.documents))
