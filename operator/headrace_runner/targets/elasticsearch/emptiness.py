"""A query that gives nothing does not empty an index, nor put an empty one in its place, unless told so."""

from headrace.errors import PermanentError
from headrace.runspec import RunSpec


def refuse_empty(spec: RunSpec, held: int) -> None:
    """Raises PermanentError when readers see so many documents, and a query without any row would take them away."""
    if held and not spec.allow_empty:
        raise PermanentError(
            "The query gave no row, and the target holds documents: nothing was deleted; with allowEmpty it would be",
            field="allow_empty",
        )
