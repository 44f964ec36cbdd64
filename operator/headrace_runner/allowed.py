"""Holds a run to the installation's list of allowed targets: whoever writes to the store must not choose the target."""

from headrace.errors import PermanentError, RefusedError
from headrace.runspec import RunSpec
from headrace.target import Target, check_target


def refuse_other_targets(spec: RunSpec, allowed: tuple[str, ...]) -> None:
    """Raises PermanentError, in the words of API and operator, for a target that is not on the list."""
    meant = Target(spec.target_kind, spec.target_schema, spec.target_table)
    try:
        found = check_target(str(meant), allowed)
    except RefusedError as error:
        raise PermanentError(error.in_full, field=error.field) from error
    if found != meant:
        # A schema of an index, a point in a name: what would be written is not what the list was asked about.
        raise PermanentError(f"target_table '{meant}' is not allowed", field="target_table")
