"""HTTP to the Kubernetes API: addresses and credentials, time limits, and errors translated in one place."""

import json
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.client.rest import RESTClientObject, RESTResponse
from kubernetes.aio.config.config_exception import ConfigException
from kubernetes.aio.config.incluster_config import load_incluster_config
from kubernetes.aio.config.kube_config import load_kube_config

from headrace import names
from headrace.cluster.calls import Tell, told
from headrace.errors import (
    ConflictError,
    HeadraceError,
    InvalidError,
    NotFoundError,
    NotGrantedError,
    UnavailableError,
)

_OURS, _KIND = f"/apis/{names.API_VERSION}/namespaces/", 6
"""How the paths of our own kinds begin, and which of their parts the kind is."""
JSON, MERGE_PATCH = "application/json", "application/merge-patch+json"
PART = "kubernetes"
_ADDRESS = (
    "host", "ssl_ca_cert", "ca_cert_data", "verify_ssl", "disable_strict_ssl_verification", "assert_hostname",
    "tls_server_name", "proxy",
)  # fmt: skip
"""What of a configuration says where the API server is and how it is recognised."""
_TOKEN = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


class Transport:
    """One pool of connections to one API server."""

    def __init__(self, client: ApiClient, *, time_limit: float) -> None:
        self._client = client
        self._time_limit = time_limit
        self.tell: Tell = lambda _: None
        """Hears of each request that has ended."""

    @classmethod
    async def connect(cls, kubeconfig: str | None, *, time_limit: float) -> Self:
        """Reads credentials: a kubeconfig that is named, else the pod's own, else $KUBECONFIG or ~/.kube/config.

        Opens no connection. Raises InvalidError when there are no credentials.
        """
        configuration = Configuration()
        path = kubeconfig or _kubeconfig()
        try:
            if path is None:
                load_incluster_config(client_configuration=configuration)
            else:
                await load_kube_config(config_file=path, client_configuration=configuration)
        except (ConfigException, OSError) as error:
            raise InvalidError(f"no credentials for a Kubernetes API: {error}") from error
        client = ApiClient(configuration)
        client.rest_client = _Utf8Client(configuration)
        return cls(client, time_limit=time_limit)

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()

    def stranger(self) -> Self:
        """The same API server without any credentials of ours: for calls that carry a caller's own token."""
        ours, theirs = self._client.configuration, Configuration()
        # Named one by one: a client certificate that came along would make every caller us.
        for name in _ADDRESS:
            setattr(theirs, name, getattr(ours, name))
        # What a proxy in front of the API server sets for one caller is not sent along with the next.
        theirs.client_session_kwargs = {"cookie_jar": aiohttp.DummyCookieJar()}
        client = ApiClient(theirs)
        client.rest_client = _Utf8Client(theirs)
        alike = type(self)(client, time_limit=self._time_limit)
        alike.tell = lambda call: self.tell(call)  # noqa: PLW0108  # who listens may come later
        return alike

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        content: str = JSON,
        accept: str = JSON,
        time_limit: float | None = None,
    ) -> dict[str, Any]:
        """Sends one request and returns the decoded answer."""
        limit = aiohttp.ClientTimeout(total=time_limit or self._time_limit)
        with told(self.tell, method, path), _translated():
            response = await self._send(method, path, query, body, content, limit, accept=accept)
            data = await response.read()
            _check(response.status, data, path)
            return dict(json.loads(data)) if data else {}

    async def ask_as(self, token: str, path: str, body: object) -> dict[str, Any] | None:
        """Posts with a caller's token, on a `stranger`; None when the API server does not take the token."""
        limit = aiohttp.ClientTimeout(total=self._time_limit)
        with told(self.tell, "POST", path), _translated():
            response = await self._send("POST", path, None, body, JSON, limit, {"Authorization": f"Bearer {token}"})
            data = await response.read()
            if response.status == 401:
                return None
            _check(response.status, data, path)
            return dict(json.loads(data))

    async def lines(self, path: str, *, query: Mapping[str, str], silence: float) -> AsyncIterator[dict[str, Any]]:
        """Streams a watch, one object a line; raises UnavailableError after `silence` seconds without any."""
        limit = aiohttp.ClientTimeout(total=None, sock_connect=self._time_limit, sock_read=silence)
        with told(self.tell, "GET", path, watch=True), _translated():
            response = await self._send("GET", path, query, None, JSON, limit)
            if response.status != 200:
                _check(response.status, await response.read(), path)
        with _translated():
            try:
                while line := await response.content.readline():
                    yield json.loads(line)
            finally:
                response.close()

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: object,
        content: str,
        limit: aiohttp.ClientTimeout,
        more_headers: Mapping[str, str] | None = None,
        accept: str = JSON,
    ) -> aiohttp.ClientResponse:
        sent = {"Accept": accept, "Content-Type": content, **(more_headers or {})}
        prepared = await self._client.param_serialize(
            method, path, header_params=sent, auth_settings=[] if more_headers else ["BearerToken"]
        )
        url, headers = prepared[1], prepared[2]
        if query:
            url = f"{url}?{urlencode(query)}"
        answer = await self._client.call_api(method, url, headers, body, _request_timeout=limit)
        response: aiohttp.ClientResponse = answer.response
        return response


class _Utf8Client(RESTClientObject):
    """Sends JSON as UTF-8: escaped to ASCII a character can take 12 bytes, and the API server takes 3 MB at most."""

    async def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: object = None,
        post_params: object = None,
        _request_timeout: aiohttp.ClientTimeout | None = None,
    ) -> RESTResponse:
        if self.pool_manager is None:
            self.pool_manager = self._create_pool_manager()
        data = None if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        more = {"proxy": self.proxy, "proxy_headers": self.proxy_headers}
        more["server_hostname"] = self.configuration.tls_server_name
        return RESTResponse(
            await self.pool_manager.request(
                method,
                url,
                headers=headers,
                data=data,
                timeout=_request_timeout,
                # Tokens are for the API server and nobody that it, or what stands before it, points to.
                allow_redirects=False,
                **{name: value for name, value in more.items() if value},
            )
        )


def _kubeconfig() -> str | None:
    if "KUBERNETES_SERVICE_HOST" in os.environ and _TOKEN.exists():
        return None
    return os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientError, TimeoutError, ApiException, ConfigException, OSError, ValueError) as error:
        # ValueError: a truncated answer is no JSON, and a line beyond the buffer ends a watch.
        raise UnavailableError("Kubernetes can't be reached", part=PART) from error


def _check(status: int, data: bytes, path: str) -> None:
    if status >= 300:
        raise error_for(status, data, path)


def error_for(status: int, data: bytes, path: str = "") -> HeadraceError:
    """The error for an answer that is none of success; `data` is a Status, or whatever stood in the way sent."""
    try:
        answer = json.loads(data)
        message, named = str(answer["message"]), "name" in (answer.get("details") or {})
    except (ValueError, KeyError, TypeError):
        message, named = f"HTTP status {status}", False
    match status:
        case 404 if named:
            return NotFoundError(message)
        case 409 | 410:
            return ConflictError(message)
        case 400 | 405 | 413 | 415 | 422:
            return InvalidError(message)
        case 401 | 403:
            # The message names accounts: it is for the log, not for callers.
            class_ = NotGrantedError if status == 403 else UnavailableError
            error = class_("Kubernetes refuses our credentials or a right is missing", part=PART)
        case 404 if path.startswith(_OURS):
            # The kind itself is not served: as with the CRDs of an older version, or while the API server starts.
            kind = path.split("/")[_KIND]
            error = UnavailableError(f"Kubernetes does not know {kind}: apply the CRDs of this version", part=PART)
        case _:
            error = UnavailableError("Kubernetes can't answer", part=PART)
    error.add_note(message)
    return error
