"""A look at a source: what it is, whether its role could write, and its replication slots."""

from typing import Any

import psycopg

from headrace.connections.resolve import PostgresAccess
from headrace.model.conditions import SOURCE_ROLE, ConditionType, Reason
from headrace.postgres.problems import describe
from headrace.postgres.replication_slots import Slot, read_slots
from headrace.postgres.role import role_found, role_not_found, role_query
from headrace_operator.monitor.postgres_visit import Connection, visit
from headrace_operator.monitor.sights import Sight
from headrace_operator.monitor.verdicts import Verdict

APPLICATION = "headrace-monitor"
ROLE_MS = 1000
_REASONS = {str(reason): reason for reason in Reason}
_REFUSED = (psycopg.ProgrammingError, psycopg.NotSupportedError, psycopg.errors.ObjectNotInPrerequisiteState)
"""What a server says that does not know what is asked for, or does not let this role ask."""


async def look_at_source(access: PostgresAccess, *, seconds: float, with_role: bool) -> Sight:
    """One connection for all questions; NoWayInError when there is none within these seconds."""
    async with visit(access, application_name=APPLICATION, seconds=seconds) as connection:
        slots, why = await _slots(connection)
        verdicts = (await _role(connection),) if with_role else ()
        return Sight(server_version=version(connection), verdicts=verdicts, slots=slots, why_no_slots=why)


def version(connection: psycopg.AsyncConnection[Any]) -> str:
    """What the server said when it let us in; its packager's additions are left out."""
    return "PostgreSQL " + (connection.info.parameter_status("server_version") or "").partition(" ")[0]


async def _slots(connection: Connection) -> tuple[tuple[Slot, ...] | None, str]:
    try:
        return await read_slots(connection), ""
    except _REFUSED as error:
        return None, f"The replication slots can't be read: {describe(error)}"


async def _role(connection: Connection) -> Verdict:
    try:
        cursor = await connection.execute(role_query(ROLE_MS))
        cursor.nextset()
        reason, message = role_found(await cursor.fetchone())
    except (psycopg.errors.QueryCanceled, psycopg.ProgrammingError, UnicodeError) as error:
        reason, message = role_not_found(error, ROLE_MS)
    known = _REASONS[reason]
    return Verdict(ConditionType.SOURCE_READ_ONLY, known, message, status=SOURCE_ROLE[known])
