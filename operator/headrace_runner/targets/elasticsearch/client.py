"""The official client, for all that is not a bulk body: its errors come in our words.

`import elasticsearch` takes 6 MB and 0.07 s of CPU, so that is done when a client is opened and not before; rows go
over `transport` without it.
"""

from __future__ import annotations

import http.client
import sys
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from headrace.errors import PermanentError, TransientError
from headrace.search.endpoint import Endpoint
from headrace_runner.targets.elasticsearch.problems import complaint_of, unreachable

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

MAJOR = 9
"""The client of version 9 asks for the API of version 9, which a server of version 8 refuses."""
ANSWER_SECONDS = 60.0
LONG_SECONDS = 300.0
"""For the refresh of an index that was not refreshed while it was loaded."""
_NOT_NEEDED = ("aiohttp", "httpx", "opentelemetry", "orjson", "requests")
"""What the client imports where it finds them, and we use nothing of: 21 MB and 0.27 s of CPU."""
_ASYNC = "elasticsearch._async.client"
"""The same client once more, for asyncio: 3 MB and 0.07 s."""
_WHAT_WE_WRITE = f"Headrace writes to Elasticsearch {MAJOR}"


def open_client(endpoint: Endpoint) -> Elasticsearch:
    """Connects, and asks what the server is; to be closed with `close()`.

    Raises PermanentError when it is no Elasticsearch of a version that we know, or does not let us in, and
    TransientError when it is away.
    """
    with _hidden():
        from elastic_transport import NodeConfig
        from elasticsearch import Elasticsearch

    node = NodeConfig(
        "http" if endpoint.tls is None else "https",
        endpoint.host,
        endpoint.port,
        path_prefix=endpoint.prefix,
        connections_per_node=1,
        ssl_context=endpoint.tls,
        ssl_show_warn=False,
    )
    # It reads no proxy from the environment, and looks for no other nodes unless told to.
    client = Elasticsearch(
        [node],
        headers={} if endpoint.authorization is None else {"authorization": endpoint.authorization},
        # A retry is the attempt's affair: it takes the fence again first.
        max_retries=0,
        retry_on_timeout=False,
        request_timeout=ANSWER_SECONDS,
    )
    try:
        _require_elasticsearch(client)
    except BaseException:
        client.close()
        raise
    return client


class _Nothing(types.ModuleType):
    """A module in which each name is there, and None."""

    def __getattr__(self, name: str) -> None:
        if name.startswith("__"):
            raise AttributeError(name)


@contextmanager
def _hidden() -> Iterator[None]:
    """As if what we do not need were not installed, unless it is imported already."""
    # What Python says of a None here: ModuleNotFoundError.
    hidden: dict[str, Any] = {name: None for name in _NOT_NEEDED if name not in sys.modules}
    if _ASYNC not in sys.modules:
        hidden[_ASYNC] = _Nothing(_ASYNC)
    sys.modules.update(hidden)
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


@contextmanager
def translated() -> Iterator[None]:
    """Raises the client's errors as PermanentError and TransientError."""
    from elastic_transport import ApiError, ConnectionTimeout, SerializationError, TransportError
    from elasticsearch import UnsupportedProductError

    try:
        yield
    except UnsupportedProductError as error:
        raise PermanentError(_other_product(error.body)) from error
    except ApiError as error:
        raise complaint_of(error.meta.status, error.body).translate() from error
    except ConnectionTimeout as error:
        raise unreachable(TimeoutError()) from error
    except SerializationError as error:
        raise PermanentError(_other_product(None)) from error
    except TransportError as error:
        raise unreachable(_root(error)) from error


def refuse_other_version(body: Any) -> None:
    """Raises PermanentError unless what `GET /` answered is Elasticsearch of a version that we know."""
    number = _version(body).get("number")
    major = str(number).partition(".")[0]
    if not major.isdigit():
        raise PermanentError(_other_product(body))
    if int(major) != MAJOR:
        raise PermanentError(f"The server is Elasticsearch {number}: {_WHAT_WE_WRITE}")


def require_shards(answer: Mapping[str, Any]) -> None:
    """Raises TransientError when some shards did not take part, so that the answer is not of the whole index."""
    if answer.get("_shards", {}).get("failed", 0):
        raise TransientError("Elasticsearch: a shard of the index is not available")


def _require_elasticsearch(client: Elasticsearch) -> None:
    from elasticsearch import AuthorizationException

    with translated():
        try:
            # "*/*": other forms the client turns into version 9's, and an older server would not even say what it is.
            body = client.perform_request("GET", "/", headers={"accept": "*/*"}).body
        except AuthorizationException:
            # GET / takes the privilege "monitor": whoever may only write an index goes on. Whether it is Elasticsearch
            # the client sees by each answer's header.
            return
    refuse_other_version(body)


def _version(body: Any) -> Mapping[str, Any]:
    version = body.get("version") if isinstance(body, Mapping) else None
    return version if isinstance(version, Mapping) else {}


def _other_product(body: Any) -> str:
    """What answers at the address, as far as it says so: such servers lack the header X-Elastic-Product."""
    version = _version(body)
    if version.get("distribution") == "opensearch":
        return f"The server is OpenSearch {version.get('number', '')}, not Elasticsearch: {_WHAT_WE_WRITE}"
    if "lucene_version" in version:
        return f"The server is like Elasticsearch {version.get('number', '')}, but not it: {_WHAT_WE_WRITE}"
    return f"What answers at the address is not Elasticsearch: {_WHAT_WE_WRITE}"


def _root(error: BaseException) -> Exception:
    """The error of the socket, or of TLS, inside those of the client and of its library: only it says what happened."""
    cause: BaseException | None = error
    for _ in range(8):
        if isinstance(cause, (OSError, http.client.HTTPException, UnicodeError)):
            return cause
        inner = [*getattr(cause, "errors", ()), *getattr(cause, "args", ()), getattr(cause, "__cause__", None)]
        cause = next((it for it in inner if isinstance(it, BaseException)), None)
    return ConnectionError()
