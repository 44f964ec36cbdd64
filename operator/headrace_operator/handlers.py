"""kopf, kept small: it watches our kinds and tells us of each event; nothing else is asked of it."""

import asyncio
import dataclasses
import os
from collections.abc import Callable, Mapping
from typing import Any

import kopf
from kopf._core.engines.peering import Identity

from headrace import names
from headrace_operator.index import KINDS
from headrace_operator.settings import Settings

Tell = Callable[[str, str | None, dict[str, Any]], None]
"""Called with plural, type (None: it was there at the start) and resource."""

SERVER_SECONDS, CLIENT_SECONDS = 290, 350
"""Load balancers drop watches after 5 minutes; a watch that outlives the server's end by a minute is dead."""


def registry(tell: Tell) -> kopf.OperatorRegistry:
    """The handlers; they only pass on."""
    handlers = kopf.OperatorRegistry()

    @kopf.on.login(registry=handlers)
    def login(**options: Any) -> Any:
        return by_address(kopf.login_with_service_account(**options)) or kopf.login_with_kubeconfig(**options)

    for plural in KINDS:

        @kopf.on.event(group=names.GROUP, version=names.VERSION, plural=plural, param=plural, registry=handlers)
        async def told(*, event: Any, param: Any = None, **_: Any) -> None:
            tell(param, event["type"], dict(event["object"]))

    return handlers


def by_address(
    inside: kopf.ConnectionInfo | None, environ: Mapping[str, str] = os.environ
) -> kopf.ConnectionInfo | None:
    """The pod's own credentials for the API server's address, which all else here goes to: kopf has a name for DNS."""
    host, port = (environ.get(f"KUBERNETES_SERVICE_{part}", "") for part in ("HOST", "PORT"))
    if inside is None or not host:
        return inside
    return dataclasses.replace(inside, server=f"https://{f'[{host}]' if ':' in host else host}:{port}")


def configuration() -> kopf.OperatorSettings:
    """No Events from log lines, no scanning, no peering; finalizers and annotations are never asked for."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.watching.server_timeout = SERVER_SECONDS
    settings.watching.client_timeout = CLIENT_SECONDS
    settings.watching.connect_timeout = 10
    settings.networking.request_timeout = 30
    return settings


async def watch(settings: Settings, tell: Tell, *, take_signals: Callable[[], None]) -> None:
    """Watches until it is cancelled.

    kopf takes the process's signals when it starts, and at its end waits 5 s for tasks that are not its own: so
    `take_signals` takes them back.
    """
    ready = asyncio.Event()

    async def back() -> None:
        await ready.wait()
        take_signals()

    taking_back = asyncio.create_task(back())
    try:
        await kopf.operator(
            registry=registry(tell),
            settings=configuration(),
            # Left out, kopf asks for the name of the user, and in a container a user has only a number.
            identity=Identity(settings.identity),
            standalone=True,
            namespaces=[settings.namespace],
            ready_flag=ready,
        )
    finally:
        taking_back.cancel()
