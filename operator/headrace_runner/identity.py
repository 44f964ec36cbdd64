"""What a position belongs to, and how a checkpoint keeps that: with another one it means nothing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

from headrace.runspec import RunSpec
from headrace_runner.shape import Shape

# A fingerprint is a digest, and a source a name of Kubernetes: neither has an @.
_MARK = re.compile(r"(?P<fingerprint>.*?)(?:@(?P<source>[^@\s]*)(?:@(?P<place>[0-9a-f]{16}))?)?", re.DOTALL)


class Sourced(Protocol):
    """What knows where it was read."""

    @property
    def source(self) -> str:
        """The EtlSource; empty: the default one."""

    @property
    def place(self) -> str:
        """That of the `Shape`; empty: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What was read from where into what, and in which order."""

    target_id: str
    """The target table's OID: one that was dropped and made again is another."""
    key_columns: tuple[str, ...]
    incremental_key: str | None
    fingerprint: str
    key_types: tuple[str, ...] = ()
    """The key columns' types in the target; empty in a checkpoint that does not know them."""
    cursor_type: str | None = None
    """The incremental key's type in the source."""
    columns: tuple[str, ...] | None = None
    """The target's columns that are written, as "number name": one that was dropped and added again is another, and
    empty. None in a checkpoint that does not know them."""
    source: str = ""
    """The EtlSource that rows come from; empty: the default one, as in all checkpoints of older versions."""
    place: str = ""
    """That of the `Shape`: a source may be edited. Empty in a checkpoint that does not know it."""

    @property
    def mark(self) -> str:
        """Fingerprint, source and place in one text: a checkpoint has one column for them."""
        if self.place:
            return f"{self.fingerprint}@{self.source}@{self.place}"
        return f"{self.fingerprint}@{self.source}" if self.source else self.fingerprint

    def as_row(self) -> dict[str, Any]:
        """A checkpoint's columns that say it, but for the target's."""
        return {
            "key_columns": list(self.key_columns),
            "key_types": list(self.key_types),
            "incremental_key": self.incremental_key,
            "cursor_type": self.cursor_type,
            "target_columns": None if self.columns is None else list(self.columns),
            "fingerprint": self.mark,
        }

    @classmethod
    def of_row(cls, row: Mapping[str, Any], target_id: str) -> Self:
        """What a checkpoint says."""
        found = _MARK.fullmatch(row["fingerprint"])
        assert found is not None
        return cls(
            target_id=target_id,
            key_columns=tuple(row["key_columns"]),
            incremental_key=row["incremental_key"],
            key_types=tuple(row["key_types"] or ()),
            cursor_type=row["cursor_type"],
            columns=None if row["target_columns"] is None else tuple(row["target_columns"]),
            **{name: text or "" for name, text in found.groupdict().items()},
        )


def other_source(old: Sourced, new: Sourced) -> str | None:
    """What tells that the rows of the old one are others than those of the new one; None: they are the same."""
    if old.source != new.source:
        return f"the source was {_named(old.source)} and is now {_named(new.source)}"
    if old.place and new.place and old.place != new.place:
        return "the source leads to another host, port or database"
    return None


def other_key(old: Identity, new: Identity) -> str | None:
    """What tells that rows have another key; None: it is made of the same columns."""
    if old.key_columns == new.key_columns:
        return None
    return f"the key was {_words(old.key_columns)} and is now {_words(new.key_columns)}"


def other_rows(old: Identity, new: Identity) -> str | None:
    """What tells that a key means another row, or none, in the new one; None: it means the same."""
    return other_key(old, new) or other_source(old, new)


def identity_of(
    spec: RunSpec,
    shape: Shape,
    *,
    target_id: str,
    key: Mapping[str, str],
    columns: tuple[str, ...] | None = None,
) -> Identity:
    """That of a run whose query has this shape; `key`: the types of the key columns by name."""
    cursor = spec.incremental_key if spec.has_cursor else None
    return Identity(
        target_id=target_id,
        key_columns=tuple(key),
        key_types=tuple(key.values()),
        incremental_key=cursor,
        cursor_type=next((column.type_name for column in shape.columns if column.name == cursor), None),
        columns=columns,
        fingerprint=spec.fingerprint,
        source=spec.source,
        place=shape.place,
    )


def _words(columns: tuple[str, ...]) -> str:
    return f"({', '.join(columns)})" if columns else "none"


def _named(source: str) -> str:
    return f'"{source}"' if source else "the default one"
