"""Deletes and patches of what may be gone already, which is as good."""

from collections.abc import Coroutine
from typing import Any

from headrace.errors import NotFoundError
from headrace.logs import logger

_log = logger(__name__)


async def ignoring_gone(call: Coroutine[Any, Any, object]) -> None:
    """Makes the call; raises what it raises, but for NotFoundError."""
    try:
        await call
    except NotFoundError:
        _log.debug("it is gone already")
