"""What is sent to the Kubernetes API, and what its answer means to a caller."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from headrace.cluster.transport import MERGE_PATCH, Transport, error_for
from headrace.errors import ConflictError, InvalidError, NotFoundError, NotGrantedError, UnavailableError


def status(message: str, **details: str) -> bytes:
    return json.dumps({"kind": "Status", "message": message, "details": details}).encode()


@pytest.mark.parametrize(
    ("code", "body", "kind"),
    [
        pytest.param(404, status('etlruns "x" not found', name="x"), NotFoundError, id="no such object"),
        pytest.param(404, b"404 page not found\n", UnavailableError, id="the kind is not served yet"),
        pytest.param(409, status("already exists", name="x"), ConflictError, id="taken, or moved on"),
        pytest.param(410, status("too old resource version"), ConflictError, id="too old to go on from"),
        pytest.param(422, status("spec.mode: unsupported", name="x"), InvalidError, id="not admitted"),
        pytest.param(403, status("system:serviceaccount:a:b cannot list"), NotGrantedError, id="a right is missing"),
        pytest.param(401, status("Unauthorized"), UnavailableError, id="no credentials"),
        pytest.param(429, status("too many requests"), UnavailableError, id="too many requests"),
        pytest.param(500, b"", UnavailableError, id="the server fails"),
        pytest.param(503, b"<html>no backend</html>", UnavailableError, id="something stands in the way"),
    ],
)
def test_an_answer_says_what_to_do_now(code: int, body: bytes, kind: type[Exception]) -> None:
    assert type(error_for(code, body)) is kind


OURS = "/apis/headrace.dev/v1alpha1/namespaces/etl/etlsources"


@pytest.mark.parametrize("path", [OURS, f"{OURS}/default", f"{OURS}/default/status"])
def test_a_kind_of_ours_that_is_not_served_is_named_with_what_to_do(path: str) -> None:
    error = error_for(404, b"404 page not found\n", path)
    assert isinstance(error, UnavailableError)
    assert error.message == "Kubernetes does not know etlsources: apply the CRDs of this version"


def test_an_object_of_ours_that_is_not_there_is_no_matter_of_kinds() -> None:
    assert type(error_for(404, status('etlsources "x" not found', name="x"), f"{OURS}/x")) is NotFoundError


def test_who_we_are_is_for_the_log_and_not_for_callers() -> None:
    error = error_for(403, status("system:serviceaccount:a:b cannot list"))
    assert "serviceaccount" not in str(error)
    assert error.__notes__ == ["system:serviceaccount:a:b cannot list"]


API_SERVER_LIMIT = 3 * 1024 * 1024
KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: x
contexts: [{{name: x, context: {{cluster: x, user: x}}}}]
clusters: [{{name: x, cluster: {{server: "{url}"}}}}]
users: [{{name: x, user: {{token: "a token"}}}}]
"""


@pytest.mark.parametrize(
    ("method", "content"), [("POST", "application/json"), ("PUT", "application/json"), ("PATCH", MERGE_PATCH)]
)
async def test_the_longest_query_fits_whatever_its_script(tmp_path: Path, method: str, content: str) -> None:
    async def echo(request: web.Request) -> web.Response:
        sent = {"body": await request.json(), "type": request.content_type, "token": request.headers["Authorization"]}
        return web.json_response(sent)

    app = web.Application(client_max_size=API_SERVER_LIMIT)
    app.router.add_route("*", "/x", echo)
    async with TestServer(app) as server:
        kubeconfig = tmp_path / "config"
        kubeconfig.write_text(KUBECONFIG.format(url=server.make_url("/")).replace('/"', '"'))
        transport = await Transport.connect(str(kubeconfig), time_limit=10)
        body = {"spec": {"sourceQuery": "\N{OLD PERSIAN SIGN A}" * 262_144}}
        try:
            answer = await transport.request(method, "/x", body=body, content=content)
        finally:
            await transport.close()
    assert answer == {"body": body, "type": content, "token": "Bearer a token"}


@asynccontextmanager
async def connected(app: web.Application, tmp_path: Path) -> AsyncIterator[Transport]:
    """A transport to a server by its name: cookies are not kept for addresses."""
    async with TestServer(app, host="localhost") as server:
        kubeconfig = tmp_path / "config"
        kubeconfig.write_text(KUBECONFIG.format(url=f"http://localhost:{server.port}"))
        transport = await Transport.connect(str(kubeconfig), time_limit=10)
        try:
            yield transport
        finally:
            await transport.close()


async def test_what_is_set_for_one_caller_is_not_sent_along_with_the_next(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.Response:
        response = web.json_response({"cookies": dict(request.cookies)})
        response.set_cookie("session", request.headers["Authorization"])
        return response

    app = web.Application()
    app.router.add_post("/x", answer)
    async with connected(app, tmp_path) as transport:
        stranger = transport.stranger()
        try:
            said = [await stranger.ask_as(token, "/x", {}) for token in ("one", "two")]
        finally:
            await stranger.close()
    assert said == [{"cookies": {}}, {"cookies": {}}]


async def test_a_token_goes_nowhere_that_an_answer_points_to(tmp_path: Path) -> None:
    seen: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        seen.append(await request.text())
        return web.json_response({"status": {"authenticated": True}})

    async def redirect(_: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect("/elsewhere")

    app = web.Application()
    app.router.add_post("/x", redirect)
    app.router.add_post("/elsewhere", elsewhere)
    async with connected(app, tmp_path) as transport:
        with pytest.raises(UnavailableError):
            await transport.request("POST", "/x", body={"spec": {"token": "secret"}})
    assert seen == []
