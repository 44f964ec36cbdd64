"""Rows as they travel: bytes that nobody looks into, and where each row ends."""

from array import array
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows in COPY's wire format, one after the other."""

    data: bytes
    ends: "array[int]"
    """Where each row ends in `data`."""

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def first(self) -> bytes:
        """There must be one."""
        return self.data[: self.ends[0]]

    @property
    def last(self) -> bytes:
        """There must be one."""
        return self.data[self.ends[-2] if len(self.ends) > 1 else 0 :]

    def split(self) -> list[bytes]:
        """Each row by itself."""
        data, start, rows = self.data, 0, []
        for end in self.ends:
            rows.append(data[start:end])
            start = end
        return rows


@dataclass(frozen=True, slots=True)
class Cut:
    """The next rows of a stream, and of the first and the last what says where we are; nothing when there is none."""

    rows: Rows
    first: bytes = b""
    last: bytes = b""
