"""What a server says of a query at work may quote its rows: that is for whoever asked, not for a status or a log."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from headrace.errors import PermanentError, TransientError
from headrace.postgres.faults import Fault
from headrace.postgres.problems import describe, fault, translate
from headrace_runner.sources.postgres.row_security import hides_rows

LONGEST = 2_000
"""Characters of what the server says: a query can have it quote a whole table."""
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


@contextmanager
def at_work() -> Iterator[None]:
    """Raises PermanentError or TransientError with what may quote rows in `why`; other errors pass.

    Around what executes a query. Before that the server has read no row, so that its words may be shown to all.
    """
    try:
        yield
    except psycopg.Error as error:
        if not _may_quote(error):
            raise
        kind = TransientError if isinstance(translate(error, "the source"), TransientError) else PermanentError
        said = describe(error)
        why = said if len(said) <= LONGEST else f"{said[:LONGEST]}…"
        raise kind(f"The source: the query failed while it ran ({_name(error)})", why=why) from error


def _may_quote(error: psycopg.Error) -> bool:
    """A value can be made the name of a table or a function too (`::regclass`), so that most errors may have one."""
    if not error.sqlstate or fault(error) is Fault.CONNECTION:
        return False
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        # Wordings in which only what there is can be named; another one names files.
        is_of_table = (error.diag.message_primary or "").startswith("permission denied for ") or hides_rows(error)
        return not is_of_table
    return not isinstance(error, psycopg.errors.ReadOnlySqlTransaction)


def _name(error: psycopg.Error) -> str:
    """What the standard or PostgreSQL calls the error; a function can raise one that nobody knows."""
    try:
        known = psycopg.errors.lookup(error.sqlstate or "")
    except KeyError:
        return "an error of its own"
    return _CAPITAL.sub(" ", known.__name__).lower()
