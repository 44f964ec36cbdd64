"""Rows that a policy hides from the source's role: reading their table fails, unless the source says that it is meant.

To a full run what is hidden looks as if it had been deleted. What says so is `options='-c row_security=on'` in the
connection string (in a URL `options=-c%20row_security%3Don`), which is never sent.
"""

from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from headrace.postgres.problems import describe
from headrace.postgres.row_security import SEES_ALL, asked_in, without
from headrace_runner.credentials import dsn_of

_REFUSED_BY = "check_enable_rls"
"""The server's function that refuses; its words are in the server's language."""
_REMEDY = (
    "let it see all rows (BYPASSRLS, or the table's owner), or, if those that it sees are all that is meant, set"
    ' row_security: "on" in the source\'s options'
)


def row_security_of(dsn: str | Path) -> str:
    """What a connection string asks for: `off`, unless it says otherwise; raises TransientError as `dsn_of` does."""
    return asked_in(_options(dsn_of(dsn, "the source"))) or SEES_ALL


def without_row_security(dsn: str) -> str:
    """The connection string, as it is sent."""
    options = _options(dsn)
    return dsn if asked_in(options) is None else make_conninfo(dsn, options=without(options))


def hides_rows(error: psycopg.Error) -> bool:
    """Whether the server refused a query because it might not have given all rows."""
    return isinstance(error, psycopg.errors.InsufficientPrivilege) and error.diag.source_function == _REFUSED_BY


def in_words(error: psycopg.Error) -> str:
    """What is wrong then, and what to do."""
    return f"row level security applies to the source's role ({describe(error)}): {_REMEDY}"


def _options(dsn: str) -> str:
    try:
        return str(conninfo_to_dict(dsn).get("options") or "")
    except psycopg.ProgrammingError:
        # Whoever connects says so.
        return ""
