"""The API's process: settings from the environment, one server, an orderly end."""

import asyncio
import logging
import sys
from contextlib import suppress

import uvicorn
from pydantic import ValidationError

from headrace.cluster import Cluster
from headrace.errors import HeadraceError
from headrace.logs import configure_logs, logger
from headrace.store.migrate import migrate_when_ready
from headrace.store.store import Store
from headrace_api.app import create_app
from headrace_api.auth.audit import LOGGER as AUDIT
from headrace_api.settings import Settings

EX_CONFIG = 78
_GRACE_SECONDS = 20
# Our own access log says it already; the pool names the host with each attempt that fails.
_LIBRARIES = {"uvicorn.access": logging.CRITICAL, "psycopg.pool": logging.CRITICAL}
_log = logger(__name__)


def main() -> int:
    """Serves until it is told to stop; returns the exit code."""
    try:
        settings = Settings()
    except ValidationError as error:
        sys.stderr.write(explain(error))
        return EX_CONFIG
    configure_logs(settings.log_level, least=_LIBRARIES)
    # Whoever wants fewer lines still wants to know who changed what.
    logging.getLogger(AUDIT).setLevel(logging.INFO)
    for warning in settings.warnings():
        _log.warning(warning)
    try:
        asyncio.run(serve(settings))
    except HeadraceError as error:
        _log.error("can't start", reason=error.message)
        return EX_CONFIG
    return 0


async def serve(settings: Settings) -> None:
    """Runs the server. Neither Postgres nor Kubernetes has to be there yet."""
    store = Store(
        settings.store_dsn.get_secret_value(),
        pool_size=settings.db_pool_size,
        max_overflow=settings.db_max_overflow,
        pool_timeout=settings.db_pool_timeout,
        application_name="headrace-api",
    )
    cluster = await Cluster.connect(namespace=settings.namespace)
    migration = asyncio.create_task(_migrate(settings.store_dsn.get_secret_value()))
    app = create_app(settings, store, cluster)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        # Anybody could name any address in a header: whom to believe is HEADRACE_TRUSTED_PROXIES.
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = uvicorn.Server(config)
    app.state.services.followers.is_ending = lambda: server.should_exit
    try:
        await server.serve()
    finally:
        migration.cancel()
        with suppress(asyncio.CancelledError):
            await migration
        await store.close()
        await cluster.close()


def explain(error: ValidationError) -> str:
    """The settings that are wrong, one a line; without their values, which may be secret."""
    lines = [_line(e["loc"], e["msg"].removeprefix("Value error, ")) for e in error.errors(include_input=False)]
    return "The settings can't be used:\n" + "".join(lines)


def _line(location: tuple[int | str, ...], message: str) -> str:
    """A rule over several settings has no place of its own; its message names them."""
    return f"{'.'.join(map(str, location))}: {message}\n" if location else f"{message}\n"


async def _migrate(dsn: str) -> None:
    try:
        await migrate_when_ready(dsn, wait=True)
    except HeadraceError as error:
        # The rest goes on; what needs the store answers 503.
        _log.error("the store's schema can't be made", reason=error.message)
