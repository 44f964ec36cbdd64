"""The target as a run would find it, or make it; one that can't be reached is no reason to show nothing."""

from dataclasses import dataclass
from typing import Any

from headrace.errors import HeadraceError
from headrace.runspec import RunSpec
from headrace_runner.protocols import Shape
from headrace_runner.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was found out about a target."""

    target: dict[str, Any] | None = None
    """`kind`, `exists`, `ddl`, `mapping`; None where none was asked for, or it can't be told."""
    key: tuple[str, ...] = ()
    """By which a run would know rows again."""
    notes: tuple[str, ...] = ()


def target_of(settings: Settings, spec: RunSpec, shape: Shape) -> Seen:
    """Never raises: what is wrong with the target is a note."""
    key = spec.key_columns or shape.primary_key
    if not spec.target_table:
        return Seen(key=key)
    try:
        if spec.target_kind == "elasticsearch":
            from headrace_runner.preview.index import index_of

            return index_of(settings, spec, shape, key)
        from headrace_runner.preview.table import table_of

        return table_of(settings, spec, shape)
    except HeadraceError as error:
        return Seen(key=key, notes=(error.in_full,))
