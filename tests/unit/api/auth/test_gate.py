"""The gate, in front of an application that only says that it was reached."""

import asyncio
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import compile_path
from structlog.testing import capture_logs

from headrace.errors import UnavailableError
from headrace_api.auth.addresses import Addresses
from headrace_api.auth.audit import write_early
from headrace_api.auth.kubernetes_tokens import KubernetesTokens
from headrace_api.gate import Gate, Guard, Route
from headrace_api.requests import RequestMiddleware

PATHS = {
    "get_pipeline": ("GET", "/pipelines/{pipeline_id}"),
    "run_pipeline": ("POST", "/pipelines/{pipeline_id}/run"),
    "get_pipeline_run": ("GET", "/pipelines/{pipeline_id}/runs/{run_id}"),
    "get_info": ("GET", "/info"),
    "get_livez": ("GET", "/livez"),
}
ROUTES = [Route(name, path, compile_path(path)[0], frozenset({method})) for name, (method, path) in PATHS.items()]


class Kubernetes:
    """Knows the token `good`, what jane may do, and the names of things."""

    def __init__(self, *rights):
        self.rights, self.asked, self.reviews = set(rights), [], 0
        self.away = False

    async def review(self, token):
        self.reviews += 1
        await asyncio.sleep(0.01)
        if self.away:
            raise UnavailableError("Kubernetes can't be reached", part="kubernetes")
        return {"username": "jane"} if token.startswith("good") else None

    async def allows(self, caller, right):
        self.asked.append((right.verb, right.plural, right.name))
        return (right.verb, right.plural, right.name) in self.rights

    async def name_of(self, plural, uid):
        return {("etlpipelines", "1"): "films", ("etlruns", "2"): "films-1"}.get((plural, uid))


async def reached(scope, receive, send):
    await JSONResponse({"reached": scope["path"]})(scope, receive, send)


@asynccontextmanager
async def client_of(kubernetes, reached=reached):
    guard = Guard(
        authenticator=KubernetesTokens(kubernetes.review),
        authorizer=kubernetes,
        addresses=Addresses(),
        names=kubernetes,
        namespace="headrace",
        open_parts=frozenset(),
        limit=None,
    )
    app = RequestMiddleware(Gate(reached, guard=guard, routes=lambda: ROUTES), seconds=10)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://api") as client:
        yield client


GOOD = {"Authorization": "Bearer good"}


@pytest.mark.parametrize(
    ("method", "path", "asked"),
    [
        ("GET", "/pipelines/1", [("get", "etlpipelines", "films")]),
        ("GET", "/pipelines/1/", [("get", "etlpipelines", "films")]),
        ("GET", "/pipelines/9", [("get", "etlpipelines", None)]),
        ("POST", "/pipelines/1/run", [("create", "etlruns", None), ("get", "etlpipelines", "films")]),
        ("GET", "/pipelines/1/runs/2", [("get", "etlruns", "films-1")]),
        ("GET", "/pipelines/1/runs/9", [("get", "etlruns", None)]),
        ("GET", "/info", []),
    ],
)
async def test_the_rights_are_asked_for_of_what_the_path_names(method, path, asked):
    kubernetes = Kubernetes(*asked)
    async with client_of(kubernetes) as client:
        answer = await client.request(method, path, headers=GOOD)
    assert answer.status_code == 200
    assert kubernetes.asked == asked


async def test_one_right_of_two_is_not_enough():
    async with client_of(Kubernetes(("create", "etlruns", None))) as client:
        answer = await client.post("/pipelines/1/run", headers=GOOD)
    assert answer.status_code == 403
    assert answer.json()["detail"] == "jane may not get etlpipelines.headrace.dev in namespace headrace"


async def test_the_probes_ask_nobody():
    kubernetes = Kubernetes()
    async with client_of(kubernetes) as client:
        assert (await client.get("/livez", headers={"Authorization": "Bearer bad"})).status_code == 200
    assert kubernetes.reviews == 0


async def test_many_bad_tokens_at_once_do_not_become_many_questions():
    kubernetes = Kubernetes()
    async with client_of(kubernetes) as client:
        assert (await client.get("/info", headers=GOOD)).status_code == 200
        bad = [client.get("/info", headers={"Authorization": f"Bearer bad{number}"}) for number in range(200)]
        statuses = [answer.status_code for answer in await asyncio.gather(*bad)]
        assert set(statuses) == {401, 429}
        assert statuses.count(401) == 50
        assert kubernetes.reviews == 51
        # Who is known already is not held up; who is not has to wait.
        assert (await client.get("/info", headers=GOOD)).status_code == 200
        refused = await client.get("/info", headers={"Authorization": "Bearer good2"})
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")


async def test_good_tokens_and_silences_are_not_held_against_anybody():
    kubernetes = Kubernetes()
    async with client_of(kubernetes) as client:
        for number in range(120):
            answer = await client.get("/info", headers={"Authorization": f"Bearer good{number}"})
            assert answer.status_code == 200
        kubernetes.away = True
        for number in range(120):
            answer = await client.get("/info", headers={"Authorization": f"Bearer bad{number}"})
            assert answer.status_code == 503


async def test_a_call_that_is_answered_much_later_leaves_its_line_before():
    """A stream may run for weeks before whoever waits for it is answered; who made it is to be known at once."""
    so_far = []

    async def patient(scope, receive, send):
        request = Request(scope)
        request.state.access.note("create", "etlruns", "films-1")
        write_early(request, status=202)
        so_far.extend(line for line in lines if line["event"] == "audit")
        await reached(scope, receive, send)

    kubernetes = Kubernetes(("create", "etlruns", None), ("get", "etlpipelines", "films"))
    with capture_logs() as lines:
        async with client_of(kubernetes, patient) as client:
            assert (await client.post("/pipelines/1/run", headers=GOOD)).status_code == 200
    (line,) = so_far
    assert (line["user"], line["status"], line["done"]) == ("jane", 202, ["create etlruns films-1"])
    assert [each for each in lines if each["event"] == "audit"] == so_far
