"""A look at a destination that is an Elasticsearch: whether it lets us in, and what we may do there."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp

from headrace.connections.problem import NoWayInError
from headrace.connections.resolve import SearchAccess
from headrace.errors import PermanentError
from headrace.model.conditions import ConditionType, Reason
from headrace.search.endpoint import Endpoint
from headrace.search.settings import ElasticsearchSettings
from headrace.target import ELASTICSEARCH_PREFIX
from headrace_operator.monitor.search_problems import no_answer, refuse, unreachable
from headrace_operator.monitor.sights import Sight
from headrace_operator.monitor.verdicts import Verdict

PRIVILEGES = ("manage", "read", "write")
_MAJOR = "9"
_CHUNK_BYTES, _MOST_BYTES = 65_536, 1_000_000
_NO_SECURITY = frozenset({400, 404, 405, 500, 501})
"""What a server without security answers when it is asked for privileges."""
_FORBIDDEN = 403


async def look_at_search(access: SearchAccess, *, seconds: float, targets: Sequence[str]) -> Sight:
    """Two questions over one connection; NoWayInError when it does not answer within these seconds."""
    try:
        async with asyncio.timeout(seconds), _session(access) as session:
            version = await _version(session)
            return Sight(server_version=version, verdicts=(await _may_create(session, targets),))
    except TimeoutError:
        raise no_answer() from None
    except (aiohttp.ClientError, OSError, UnicodeError, ValueError) as error:
        raise unreachable(error) from error


def index_names(targets: Sequence[str]) -> list[str]:
    """Patterns of the indices that allowed targets need: an alias, and those that stand behind it."""
    patterns = (t.removeprefix(ELASTICSEARCH_PREFIX) for t in targets if t.startswith(ELASTICSEARCH_PREFIX))
    return sorted({name for pattern in patterns for name in (pattern, pattern if pattern == "*" else f"{pattern}-*")})


def _session(access: SearchAccess) -> aiohttp.ClientSession:
    endpoint = _endpoint(access)
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    scheme = "http" if endpoint.tls is None else "https"
    authorization = {"authorization": endpoint.authorization} if endpoint.authorization else {}
    return aiohttp.ClientSession(
        base_url=f"{scheme}://{host}:{endpoint.port}{endpoint.prefix}/",
        headers={"accept": "application/json", **authorization},
        connector=aiohttp.TCPConnector(ssl=endpoint.tls or True, limit=1, force_close=True),
        # No proxy of the environment, and no .netrc.
        trust_env=False,
    )


def _endpoint(access: SearchAccess) -> Endpoint:
    """As a run has it, and with its words."""
    try:
        settings = ElasticsearchSettings.of(access.settings)
        assert settings is not None
        return Endpoint.from_settings(settings)
    except PermanentError as error:
        reason = Reason.TLS_FAILED if error.field == "ca" else Reason.INVALID_SPEC
        raise NoWayInError(reason, error.message) from None


async def _version(session: aiohttp.ClientSession) -> str | None:
    async with session.get("", allow_redirects=False) as answer:
        if answer.status == _FORBIDDEN:
            # GET / takes the privilege "monitor": whoever may only write an index goes on.
            return None
        refuse(answer.status)
        told = (await _body(answer)).get("version")
    version = told if isinstance(told, Mapping) else {}
    number = str(version.get("number") or "")
    if not number or "distribution" in version:
        raise NoWayInError(Reason.CONNECTION_FAILED, "What answers at the address is not Elasticsearch")
    if number.partition(".")[0] != _MAJOR:
        words = f"The server is Elasticsearch {number[:40]}: Headrace writes to Elasticsearch {_MAJOR}"
        raise NoWayInError(Reason.CONNECTION_FAILED, words)
    return f"Elasticsearch {number[:40]}"


async def _may_create(session: aiohttp.ClientSession, targets: Sequence[str]) -> Verdict:
    names = index_names(targets)
    if not names:
        return Verdict(ConditionType.CAN_CREATE, Reason.MAY_NOT_CREATE, "No index is an allowed target", status=False)
    wanted = {"index": [{"names": names, "privileges": list(PRIVILEGES)}]}
    async with session.post("_security/user/_has_privileges", json=wanted, allow_redirects=False) as answer:
        if answer.status in _NO_SECURITY:
            return Verdict(
                ConditionType.CAN_CREATE, Reason.MAY_CREATE, "The server asks for no privileges", status=True
            )
        refuse(answer.status)
        held = (await _body(answer)).get("index")
    return _verdict(held if isinstance(held, Mapping) else {})


def _verdict(held: Mapping[str, Any]) -> Verdict:
    missing = {name: [p for p in PRIVILEGES if not rights.get(p)] for name, rights in held.items()}
    lacking = sorted(name for name, privileges in missing.items() if privileges)
    if not lacking:
        return Verdict(
            ConditionType.CAN_CREATE, Reason.MAY_CREATE, "The privileges for all allowed targets are there", status=True
        )
    first = lacking[0]
    words = f"The privileges {', '.join(missing[first])} are missing for {first}"
    more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
    return Verdict(ConditionType.CAN_CREATE, Reason.MAY_NOT_CREATE, words + more, status=False)


async def _body(answer: aiohttp.ClientResponse) -> Mapping[str, Any]:
    """Empty for what is no JSON object, or is longer than any answer of Elasticsearch's."""
    text = bytearray()
    async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
        text += chunk
        if len(text) > _MOST_BYTES:
            return {}
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return body if isinstance(body, Mapping) else {}
