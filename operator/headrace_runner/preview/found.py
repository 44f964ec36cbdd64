"""What a preview found out about a target."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFound:
    """As a run would find it, or make it."""

    target: dict[str, Any] | None = None
    """`kind`, `exists`, `ddl`, `mapping`; None where none was asked for, or it can't be told."""
    key: tuple[str, ...] = ()
    """By which a run would know rows again."""
    notes: tuple[str, ...] = ()
