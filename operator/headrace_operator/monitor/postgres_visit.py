"""One short visit to a Postgres: a connection, some questions, all under one deadline, and always closed."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import psycopg

from headrace.connections.problem import NoWayInError
from headrace.connections.resolve import PostgresAccess
from headrace.errors import PermanentError
from headrace.model.conditions import Reason
from headrace.postgres.certificates import certificate_file
from headrace.postgres.connect import SERVER_SETTINGS, connection_parameters, resolvable, settings_query
from headrace.postgres.deadlines import async_deadline
from headrace_operator.monitor.postgres_refusals import no_answer, no_way_in

Connection = psycopg.AsyncConnection[tuple[Any, ...]]


@asynccontextmanager
async def visit(access: PostgresAccess, *, application_name: str, seconds: float) -> AsyncIterator[Connection]:
    """A connection in autocommit mode, for `seconds` from now; NoWayInError when there is none, or it breaks."""
    now = asyncio.get_running_loop().time
    end = now() + seconds
    connection = await _connect(access, application_name, seconds)
    try:
        with async_deadline(connection, max(0.0, end - now())):
            # No statement_timeout: behind a pooler it would stay for whoever gets the server's session next.
            query, values = settings_query(SERVER_SETTINGS)
            await connection.execute(query, values)
            yield connection
    except psycopg.Error as error:
        raise (no_answer() if now() >= end else no_way_in(error)) from error
    finally:
        with suppress(psycopg.Error):
            await connection.close()


async def _connect(access: PostgresAccess, application_name: str, seconds: float) -> Connection:
    try:
        with certificate_file(access.ca) as ca_file:
            parameters = connection_parameters(
                access.conninfo(ca_file=ca_file),
                application_name=application_name,
                connect_timeout=max(2, math.ceil(seconds)),
            )
            async with asyncio.timeout(seconds):
                with resolvable():
                    return await psycopg.AsyncConnection.connect(**parameters, autocommit=True, prepare_threshold=None)
    except TimeoutError:
        raise no_answer() from None
    except PermanentError as error:
        raise NoWayInError(Reason.INVALID_SPEC, error.message) from None
    except psycopg.Error as error:
        raise no_way_in(error) from error
