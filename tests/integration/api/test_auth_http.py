"""What callers see of authentication, over HTTP: an issuer that runs, and no Kubernetes that could allow anything."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack

import httpx
import pytest
import pytest_asyncio
import structlog
from tests.integration.api.conftest import NOBODY, alone
from tests.integration.api.issuer import Issuer, Key

from headrace_api.app import routes_of
from headrace_api.auth.requirements import REQUIREMENTS

KEY = Key("first")
ADDRESS = "203.0.113.7"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def issuer(tmp_path_factory) -> Iterator[Issuer]:
    made = Issuer(tmp_path_factory.mktemp("issuer"))
    made.publish(KEY)
    made.start()
    yield made
    made.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def serve(tmp_path) -> AsyncIterator[Callable]:
    """Starts applications with settings, and gives clients of them."""
    async with AsyncExitStack() as stack:

        async def start(**settings) -> httpx.AsyncClient:
            return await stack.enter_async_context(alone(tmp_path, **{"address": ADDRESS, **settings}))

        yield start


def of(issuer) -> dict[str, str]:
    """The settings of those that ask for the issuer's tokens."""
    return {"auth_mode": "oidc", "oidc_issuer": issuer.url, "oidc_audience": "headrace"}


@pytest.fixture
def oidc(serve, issuer) -> Callable:
    """The same, where the issuer's tokens are asked for."""

    async def start(**settings) -> httpx.AsyncClient:
        return await serve(**of(issuer), **settings)

    return start


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(issuer, tmp_path_factory) -> AsyncIterator[httpx.AsyncClient]:
    """One of those for all tests that change nothing."""
    async with alone(tmp_path_factory.mktemp("auth"), **of(issuer), address=ADDRESS) as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def closed(issuer, tmp_path_factory) -> AsyncIterator[httpx.AsyncClient]:
    """The same, of which no part is open."""
    async with alone(tmp_path_factory.mktemp("auth"), **of(issuer), address=ADDRESS, auth_open=()) as client:
        yield client


@pytest.fixture
def jane(issuer) -> dict[str, str]:
    """The headers of somebody whom the issuer knows."""
    return {"Authorization": f"Bearer {issuer.token(KEY)}"}


def assert_problem(answer: httpx.Response, status: int, code: str) -> str:
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body["error"]["code"] == code
    assert body["detail"] == body["error"]["message"]
    assert body["meta"]["request_id"] == answer.headers["X-Request-ID"]
    return str(body["detail"])


def calls(client) -> list[tuple[str, str, str]]:
    """Name, method and path of every route."""
    return [
        (route.name, method, re.sub(r"\{\w+\}", "x", route.path))
        for route in routes_of(client._transport.app)
        for method in sorted(route.methods)
    ]


async def test_every_call_but_the_open_ones_needs_a_token_whatever_else_is_wrong_with_it(client):
    asked = 0
    known = calls(client)
    wrong = {"content": b"{", "headers": {"Content-Type": "text/plain"}}
    answers = await asyncio.gather(*(client.request(method, path + "?limit=0", **wrong) for _, method, path in known))
    for (name, method, path), answer in zip(known, answers, strict=True):
        if REQUIREMENTS[name].part is None:
            asked += 1
            if method != "HEAD":
                assert_problem(answer, 401, "UNAUTHORIZED")
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="headrace"'
        else:
            assert answer.status_code in (200, 503), (method, path)
    assert asked >= 17


async def test_what_is_open_is_a_setting(closed, jane):
    for path in ("/api/v1/health", "/docs", "/redoc", "/openapi.json", "/metrics", "/api/v1/metrics", "/api/v1/info"):
        assert (await closed.get(path)).status_code == 401, path
        assert (await closed.get(path, headers=jane)).status_code in (200, 503), path
    for path in ("/livez", "/api/v1/readyz"):
        assert (await closed.get(path)).status_code in (200, 503)


async def test_what_is_served_below_another_path_is_guarded_as_well(closed, jane):
    below = httpx.ASGITransport(app=closed._transport.app, root_path="/etl")
    async with httpx.AsyncClient(transport=below, base_url="http://api") as client:
        for path in ("/metrics", "/openapi.json", "/docs", "/api/v1/info"):
            assert (await client.get("/etl" + path)).status_code == 401, path
            assert (await client.get("/etl" + path, headers=jane)).status_code == 200, path


async def test_paths_that_are_written_otherwise_lead_past_nobody(closed):
    odd = ("//metrics", "/metrics//", "/./metrics", "/x/../metrics", "/METRICS", "/metrics%0A", "/livez/..%2Fmetrics")
    for path in (*odd, "/api/v1//info", "/api/v1/pipelines%2Fx", "/api/v1/pipelines/x%2Frun", "/livez%2f..%2fdocs"):
        for method in ("GET", "HEAD", "OPTIONS", "POST", "TRACE", "get"):
            answer = await closed.request(method, httpx.URL("http://api", raw_path=path.encode()))
            assert answer.status_code in (401, 404, 405), (method, path)


async def test_rights_that_can_not_be_asked_for_are_neither_given_nor_refused(client, jane):
    for name, method, path in calls(client):
        if REQUIREMENTS[name].rights:
            answer = await client.request(method, path, headers=jane, content=b"{")
            assert_problem(answer, 503, "UNAVAILABLE")
            assert answer.headers["Retry-After"]


@pytest.mark.parametrize(
    ("headers", "challenge"),
    [
        ({"Authorization": "Basic eDp5"}, 'error="invalid_request", error_description="This call needs a bearer token'),
        ({"Authorization": "Bearer x"}, 'error="invalid_token", error_description="The token is no JWT"'),
        ({"Authorization": "Bearer " + "x" * 20_000}, 'error_description="The token is longer than 16384 bytes"'),
    ],
)
async def test_a_bad_token_is_answered_with_why(client, headers, challenge):
    answer = await client.get("/api/v1/pipelines", headers=headers)
    assert_problem(answer, 401, "UNAUTHORIZED")
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="headrace", error=')
    assert challenge in answer.headers["WWW-Authenticate"]


async def test_an_expired_token_is_not_echoed(client, issuer):
    token = issuer.token(KEY, exp=int(time.time()) - 100)
    answer = await client.get("/api/v1/pipelines", headers={"Authorization": f"Bearer {token}"})
    assert assert_problem(answer, 401, "UNAUTHORIZED") == "The token has expired"
    assert token.split(".")[1] not in answer.text + str(answer.headers)


async def test_keys_that_can_not_be_had_are_no_reason_to_let_in_or_to_send_away(serve, jane):
    client = await serve(auth_mode="oidc", oidc_issuer=f"http://{NOBODY}", oidc_audience="headrace")
    said = assert_problem(await client.get("/api/v1/info", headers=jane), 503, "UNAVAILABLE")
    assert said == "The identity provider's keys can't be had; try again later"
    assert (await client.get("/api/v1/info")).status_code == 401


async def test_info_tells_how_it_is_set_up_and_no_secret(oidc, serve, issuer, jane):
    answer = await (await oidc(rate_limit="50/second", secret_key="hidden")).get("/api/v1/info", headers=jane)
    body = answer.json()
    assert body.keys() == {"data", "meta"}
    assert body["meta"].keys() == {"timestamp", "request_id"}
    assert body["meta"]["request_id"] == answer.headers["X-Request-ID"]
    data = body["data"]
    assert (data["name"], data["warnings"]) == ("headrace", [])
    assert data["configuration"]["rate_limit"] == "50/second"
    assert data["configuration"]["auth"] == {
        "mode": "oidc",
        "issuer": issuer.url,
        "audiences": ["headrace"],
        "open": ["health", "docs", "metrics"],
    }
    assert "secret" not in answer.text
    assert "hidden" not in answer.text
    assert NOBODY not in answer.text
    (warning,) = (await (await serve()).get("/api/v1/info")).json()["data"]["warnings"]
    assert warning.startswith("Nobody has to authenticate: set HEADRACE_AUTH_MODE")


async def test_who_calls_too_often_waits_and_others_do_not(oidc, issuer, jane):
    client = await oidc(rate_limit="2/minute")
    answers = [await client.get("/api/v1/info", headers=jane) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert_problem(answers[2], 429, "TOO_MANY_REQUESTS")
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 60
    joe = {"Authorization": f"Bearer {issuer.token(KEY, sub='joe')}"}
    assert (await client.get("/api/v1/info", headers=joe)).status_code == 200
    assert [(await client.get("/livez")).status_code for _ in range(5)] == [200] * 5


async def test_who_is_nobody_is_counted_by_address_and_holds_up_nobody_else(oidc, jane):
    client = await oidc(rate_limit="2/minute")
    run = "/api/v1/pipelines/x/run"
    answers = [await client.post(run), await client.post(run, headers={"Authorization": "Bearer x"})]
    answers.append(await client.post(run))
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert (await client.get("/api/v1/info", headers=jane)).status_code == 200
    assert (await client.get("/livez")).status_code == 200


async def test_without_names_addresses_are_counted_behind_trusted_proxies_too(serve):
    client = await serve(address="10.0.0.1", rate_limit="1/minute", trusted_proxies=("10.0.0.0/8",))
    sent = [{"X-Forwarded-For": f"6.6.6.6, {address}"} for address in ("1.1.1.1", "2.2.2.2", "1.1.1.1")]
    answers = [await client.get("/api/v1/info", headers=headers) for headers in sent]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    client = await serve(rate_limit="1/minute", trusted_proxies=("10.0.0.0/8",))
    answers = [await client.get("/api/v1/info", headers=headers) for headers in sent[:2]]
    assert [answer.status_code for answer in answers] == [200, 429]


async def test_pages_of_others_may_call_only_when_they_are_listed(oidc, serve):
    preflight = {
        "Origin": "https://a.org",
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization",
    }
    client = await oidc(cors_origins=("https://a.org",))
    answer = await client.options("/api/v1/pipelines/x", headers=preflight)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, "https://a.org")
    assert "Access-Control-Allow-Credentials" not in answer.headers
    refused = await client.options("/api/v1/pipelines/x", headers={**preflight, "Origin": "https://b.org"})
    assert "Access-Control-Allow-Origin" not in refused.headers
    needs_token = await client.get("/api/v1/pipelines", headers={"Origin": "https://a.org"})
    assert needs_token.status_code == 401
    assert needs_token.headers["Access-Control-Allow-Origin"] == "https://a.org"
    off = await (await serve()).get("/livez", headers={"Origin": "https://a.org"})
    assert not any(name.startswith("access-control") for name in off.headers)


async def test_every_answer_tells_browsers_to_be_careful(client, jane):
    for path in ("/livez", "/nowhere", "/api/v1/pipelines", "/api/v1/info", "/docs", "/redoc", "/openapi.json"):
        headers = (await client.get(path, headers=jane)).headers
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


async def test_the_pages_of_the_documentation_take_their_assets_from_where_it_is_said(serve):
    client = await serve(docs_assets="https://mirror.internal/npm")
    for path in ("/docs", "/redoc"):
        page = await client.get(path)
        assert page.headers["Content-Type"].startswith("text/html")
        assert "https://mirror.internal/npm/" in page.text
        for stranger in ("jsdelivr", "googleapis", "tiangolo"):
            assert stranger not in page.text
            assert stranger not in page.headers["Content-Security-Policy"]


@pytest.fixture
def lines() -> Iterator[list[dict]]:
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as captured:
        yield captured


async def test_each_change_leaves_a_line_also_one_that_was_refused(oidc, issuer, lines):
    client = await oidc(trusted_proxies=("203.0.113.0/24",), rate_limit="1/minute")
    token = {"Authorization": f"Bearer {issuer.token(KEY, groups=['a', 'b'])}"}
    headers = {**token, "X-Request-ID": "mine", "X-Forwarded-For": "198.51.100.9"}
    await client.post("/api/v1/pipelines/x/run", headers={**headers, "Authorization": "Bearer x"})
    await client.post("/api/v1/pipelines/x/run", headers=headers)
    await client.delete("/api/v1/pipelines/x", headers=headers)
    await client.get("/api/v1/pipelines", headers=headers)
    audit = [line for line in lines if line["event"] == "audit"]
    assert [(line["status"], line["user"], line["groups"]) for line in audit] == [
        (401, None, 0),
        (503, "jane", 3),
        (429, "jane", 3),
    ]
    assert (
        audit[1].items()
        >= {
            "client": "198.51.100.9",
            "method": "POST",
            "route": "/api/v1/pipelines/{pipeline_id}/run",
            "verb": "create",
            "resource": "etlruns",
            "id": "x",
            "done": [],
            "request_id": "mine",
        }.items()
    )
    requests = [line for line in lines if line["event"] == "request"]
    assert [line["user"] for line in requests] == [None, "jane", "jane", "jane"]


async def test_a_route_that_says_nothing_is_open_to_nobody(oidc, serve, jane):
    client = await oidc()

    async def forgotten() -> None:
        raise AssertionError

    client._transport.app.add_api_route("/forgotten", forgotten)
    said = assert_problem(await client.get("/forgotten", headers=jane), 403, "FORBIDDEN")
    assert said == "This call is open to nobody: it does not say what it needs"
    assert (await client.get("/forgotten")).status_code == 401
