"""A look at a destination that is an Elasticsearch: whether it lets us in, and what we may do there."""

import asyncio
import json
import ssl
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

import aiohttp

from headrace.connections.problem import NoWayInError
from headrace.connections.resolve import SearchAccess
from headrace.model.conditions import ConditionType, Reason
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
    settings = access.settings
    url = urlsplit(settings["url"].strip())
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise ValueError("no address")
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    base = f"{url.scheme}://{host}" + (f":{url.port}" if url.port else "") + url.path.rstrip("/") + "/"
    authorization = _authorization(settings, unquote(url.username or ""), unquote(url.password or ""))
    return aiohttp.ClientSession(
        base_url=base,
        headers={"accept": "application/json", **({"authorization": authorization} if authorization else {})},
        connector=aiohttp.TCPConnector(ssl=_tls(settings), limit=1, force_close=True),
        # No proxy of the environment, and no .netrc.
        trust_env=False,
    )


def _authorization(settings: Mapping[str, str], username: str, password: str) -> str | None:
    api_key = settings.get("api_key", "").strip()
    if api_key:
        return f"ApiKey {api_key}"
    user = settings.get("username") or username
    if not user:
        return None
    secret = settings.get("password") or password
    return "Basic " + b64encode(f"{user.strip()}:{secret.rstrip()}".encode()).decode()


def _tls(settings: Mapping[str, str]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=settings.get("ca"))
    except (ssl.SSLError, ValueError):
        raise NoWayInError(Reason.TLS_FAILED, "ca holds no certificate that can be read") from None
    # From Python 3.13 on a CA without a key usage is refused; those that elasticsearch-certutil makes have none.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if settings.get("verify", "true") == "false":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


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
