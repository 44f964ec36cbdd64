"""A note on whether the source's role could write there."""

from collections.abc import Mapping

import psycopg

from headrace.postgres.role import role_found, role_not_found, role_query
from headrace_runner.sources.postgres.session import Connection

LIMIT_MS = 500
"""A run does not wait longer for an answer that it can do without."""
_ASKED = role_query(LIMIT_MS)


def note_on_role(connection: Connection) -> Mapping[str, str]:
    """Reason to sentence; never fails, for a run can do without."""
    try:
        cursor = connection.execute(_ASKED)
        cursor.nextset()
        row = cursor.fetchone()
    except (psycopg.Error, UnicodeError) as error:
        return dict([role_not_found(error, LIMIT_MS)])
    return dict([role_found(row)])
