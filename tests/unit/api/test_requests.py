"""How long an answer may take."""

import asyncio

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from headrace_api.requests import RequestMiddleware, lift_limit

pytestmark = pytest.mark.looptime


@pytest.mark.parametrize(("lifted", "status"), [(None, 504), ({}, 200), ({"seconds": 70}, 200), ({"seconds": 50}, 504)])
async def test_an_answer_is_limited_in_time_unless_it_is_waited_for_on_purpose(lifted, status):
    async def app(scope, receive, send):
        if lifted is not None:
            lift_limit(Request(scope), **lifted)
        await asyncio.sleep(60)
        await PlainTextResponse("at last")(scope, receive, send)

    transport = httpx.ASGITransport(app=RequestMiddleware(app, seconds=5))
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        assert (await client.get("/")).status_code == status
