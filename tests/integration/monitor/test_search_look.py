"""An Elasticsearch as a destination: whether it lets us in, what it is, and what may be made there."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from headrace.connections.problem import NoWayInError
from headrace.connections.resolve import SearchAccess
from headrace_operator.monitor.search_look import index_names, look_at_search

TARGETS = ("analytics.*", "es:film_dim")
ES = {"version": {"number": "9.2.0"}, "tagline": "You Know, for Search"}
HELD = {name: {"manage": True, "read": True, "write": True} for name in ("film_dim", "film_dim-*")}


@asynccontextmanager
async def answering(root: Any = ES, privileges: Any = None, *, status: int = 200) -> AsyncIterator[str]:
    """The address of a server that gives these answers; a number is a status without a body."""
    seen: list[str | None] = []

    async def answer(request: web.Request, body: Any) -> web.Response:
        seen.append(request.headers.get("authorization"))
        if isinstance(body, int):
            return web.Response(status=body)
        return web.json_response(body, status=status)

    async def get_root(request: web.Request) -> web.Response:
        return await answer(request, root)

    async def ask(request: web.Request) -> web.Response:
        assert (await request.json())["index"][0]["names"] == ["film_dim", "film_dim-*"]
        return await answer(request, {"index": HELD} if privileges is None else privileges)

    app = web.Application()
    app.router.add_get("/prefix/", get_root)
    app.router.add_post("/prefix/_security/user/_has_privileges", ask)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/prefix/"
        assert all(each == "ApiKey c2VjcmV0" for each in seen)
    finally:
        await runner.cleanup()


def access_to(url: str, **settings: str) -> SearchAccess:
    return SearchAccess({"url": url, "api_key": "c2VjcmV0\n", **settings})


FOUND: dict[str, tuple[Any, Any, str | None, str]] = {
    "all rights": (ES, None, "Elasticsearch 9.2.0", "MayCreate"),
    "no security": (ES, 400, "Elasticsearch 9.2.0", "MayCreate"),
    "a right is missing": (
        ES,
        {"index": {**HELD, "film_dim-*": {"manage": False, "read": True, "write": True}}},
        "Elasticsearch 9.2.0",
        "MayNotCreate",
    ),
    "may not ask what it is": (403, None, None, "MayCreate"),
}


@pytest.mark.parametrize("case", FOUND)
async def test_a_server_that_lets_us_in_says_what_it_is_and_what_we_may(case: str) -> None:
    root, privileges, version, reason = FOUND[case]
    async with answering(root, privileges) as url:
        sight = await look_at_search(access_to(url), seconds=5, targets=TARGETS)
    assert (sight.server_version, [v.reason.value for v in sight.verdicts]) == (version, [reason])


async def refusal_of(access: SearchAccess, seconds: float = 5) -> str:
    with pytest.raises(NoWayInError) as caught:
        await look_at_search(access, seconds=seconds, targets=TARGETS)
    assert not [word for word in ("127.0.0.1", "c2VjcmV0", "example", "hunter2") if word in caught.value.message]
    return caught.value.reason.value


REFUSED = {
    "a wrong key": (401, "LoginRefused"),
    "starting": (503, "ServerNotReady"),
    "busy": (429, "ServerNotReady"),
    "a redirect": (302, "ConnectionFailed"),
    "another server": ({"hello": "world"}, "ConnectionFailed"),
    "a list": ([1], "ConnectionFailed"),
    "OpenSearch": ({"version": {"number": "9.0.0", "distribution": "opensearch"}}, "ConnectionFailed"),
    "an old version": ({"version": {"number": "8.19.0"}}, "ConnectionFailed"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_an_answer_that_is_no_success_has_a_reason(case: str) -> None:
    root, reason = REFUSED[case]
    async with answering(root) as url:
        assert await refusal_of(access_to(url)) == reason


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://no-such-host.invalid:9200", "HostUnknown"),
        ("http://127.0.0.1:1", "ConnectionRefused"),
        ("http://user:hunter2@127.0.0.1:1", "ConnectionRefused"),
        ("nonsense", "InvalidSpec"),
        ("http://127.0.0.1:99999", "InvalidSpec"),
        ("http://", "InvalidSpec"),
    ],
)
async def test_an_address_that_leads_nowhere_has_a_reason(url: str, reason: str) -> None:
    assert await refusal_of(access_to(url)) == reason


async def test_tls_where_there_is_none_is_told() -> None:
    async with answering() as url:
        assert await refusal_of(access_to(url.replace("http://", "https://"))) == "TlsFailed"


async def test_a_ca_that_is_none_is_told() -> None:
    assert await refusal_of(access_to("https://127.0.0.1:1", ca="nonsense")) == "TlsFailed"


async def test_what_no_run_could_read_is_told_in_its_words() -> None:
    for settings, reason in (
        ({"url": "https://127.0.0.1:1/?pretty"}, "InvalidSpec"),
        ({"url": "https://127.0.0.1:1", "verify": "False"}, "InvalidSpec"),
        ({"url": "https://127.0.0.1:1", "api_key": "kéy"}, "InvalidSpec"),
    ):
        assert await refusal_of(SearchAccess({"password": "hunter2", **settings})) == reason


async def test_a_key_counts_before_a_user_as_it_does_for_runs() -> None:
    async with answering() as url:
        sight = await look_at_search(access_to(url, username="u", password="hunter2"), seconds=5, targets=TARGETS)
    assert sight.server_version == "Elasticsearch 9.2.0"


async def test_a_black_hole_takes_no_longer_than_it_may() -> None:
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(8)
        began = time.monotonic()
        assert await refusal_of(access_to(f"http://127.0.0.1:{hole.getsockname()[1]}"), seconds=0.3) == "NoAnswer"
        assert time.monotonic() - began < 2


async def test_one_that_closes_without_a_word_is_told() -> None:
    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(close, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert await refusal_of(access_to(f"http://127.0.0.1:{port}")) == "ConnectionFailed"


@pytest.mark.parametrize(
    ("targets", "names"),
    [
        (("analytics.*",), []),
        (("es:*",), ["*"]),
        (("es:film_dim", "a.b", "es:x*"), ["film_dim", "film_dim-*", "x*", "x*-*"]),
    ],
)
def test_rights_are_asked_for_on_what_pipelines_may_write_to(targets: tuple[str, ...], names: list[str]) -> None:
    assert index_names(targets) == names
