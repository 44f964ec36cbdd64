"""The target as a run would find it, or make it; one that can't be reached is no reason to show nothing."""

from headrace.errors import HeadraceError
from headrace.runspec import RunSpec
from headrace_runner.preview.found import TargetFound
from headrace_runner.settings import Settings
from headrace_runner.shape import Shape


def target_of(settings: Settings, spec: RunSpec, shape: Shape) -> TargetFound:
    """Never raises: what is wrong with the target is a note."""
    key = spec.key_columns or shape.primary_key
    if not spec.target_table:
        return TargetFound(key=key)
    try:
        if spec.target_kind == "elasticsearch":
            from headrace_runner.preview.index import index_of

            return index_of(settings, spec, shape, key)
        from headrace_runner.preview.table import table_of

        return table_of(settings, spec, shape)
    except HeadraceError as error:
        return TargetFound(key=key, notes=(error.in_full,))
