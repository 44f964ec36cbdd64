"""Reading what an OpenID Connect issuer publishes: over TLS, bounded in time and size, and following nobody."""

import asyncio
import ipaddress
import json
import ssl
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from headrace.errors import HeadraceError

_SECONDS = 5.0
_BYTES = 512 * 1024


class UnreadableError(HeadraceError):
    """A document could not be had; the message is for the log."""


class Reader:
    """Fetches JSON; `ca_file` replaces the machine's authorities."""

    def __init__(self, ca_file: str | None = None, *, seconds: float = _SECONDS) -> None:
        self._ca_file = ca_file
        self._seconds = seconds
        self._session: aiohttp.ClientSession | None = None

    async def read(self, url: str) -> dict[str, Any]:
        """The object at an address; UnreadableError."""
        if not is_safe(url):
            raise UnreadableError("the address is not https")
        try:
            async with asyncio.timeout(self._seconds):
                return await self._get(url)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, RecursionError) as error:
            raise UnreadableError(f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()

    async def _get(self, url: str) -> dict[str, Any]:
        if self._session is None:
            verify = ssl.create_default_context(cafile=self._ca_file)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=verify), cookie_jar=aiohttp.DummyCookieJar()
            )
        # A redirect could lead to what is not the issuer's.
        async with self._session.get(url, allow_redirects=False) as response:
            if response.status != 200:
                raise UnreadableError(f"HTTP status {response.status}")
            data = bytearray()
            async for chunk in response.content.iter_any():
                data += chunk
                if len(data) > _BYTES:
                    raise UnreadableError(f"more than {_BYTES} bytes")
        found = json.loads(data)
        if not isinstance(found, dict):
            raise UnreadableError("no JSON object")
        return found


def is_safe(url: str) -> bool:
    """Whether nobody on the way can read or change what is fetched: https, or this machine itself."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and _is_this_machine(host)))


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
