"""The gate: before a route is reached it is known who calls, that they may, and that they do not call too often."""

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog
from starlette._utils import get_route_path
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headrace.errors import ForbiddenError, HeadraceError, UnauthorizedError
from headrace_api.auth.access import Access
from headrace_api.auth.addresses import Addresses, limited_as
from headrace_api.auth.audit import Visit
from headrace_api.auth.authenticators import Authenticator
from headrace_api.auth.authorizers import Authorizer
from headrace_api.auth.bearer import token_of
from headrace_api.auth.callers import ANYBODY, Caller
from headrace_api.auth.limiting import Limit, Quota, failures
from headrace_api.auth.requirements import PROBES, REQUIREMENTS, Requirement
from headrace_api.auth.rights import (
    BACKFILLS,
    CREATE,
    DESTINATIONS,
    LIST,
    PIPELINES,
    PROJECTS,
    RUNS,
    SCHEDULES,
    SOURCES,
    Right,
)
from headrace_api.problems import answer, too_many

_CLOSED = Requirement(part="closed")
_PARAMETERS = {
    PIPELINES: "pipeline_id",
    RUNS: "run_id",
    PROJECTS: "project_id",
    SCHEDULES: "schedule_id",
    BACKFILLS: "backfill_id",
    SOURCES: "source_id",
    DESTINATIONS: "destination_id",
}
"""Where a path has the id of each kind."""


@dataclass(frozen=True, slots=True)
class Route:
    """One route, as far as the gate has to know it."""

    name: str
    path: str
    """With the names of its parameters."""
    pattern: re.Pattern[str]
    methods: frozenset[str]


class Names(Protocol):
    """Knows the `metadata.name` of what a path names by id; None when there is nothing."""

    async def name_of(self, plural: str, uid: str) -> str | None:
        """Of one of this kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """How callers are told apart, and what is open to whom."""

    authenticator: Authenticator
    authorizer: Authorizer
    addresses: Addresses
    names: Names
    namespace: str
    open_parts: frozenset[str]
    limit: Limit | None

    def requirement(self, route: str) -> Requirement:
        """What a route needs. One that was forgotten is open to nobody, where anybody has to be somebody."""
        return REQUIREMENTS.get(route) or (_CLOSED if self.authenticator.wants_token else Requirement())

    def is_open(self, requirement: Requirement) -> bool:
        """Whether no token is looked at."""
        return requirement.part is not None and requirement.part in {PROBES, *self.open_parts}

    def access(self, caller: Caller) -> Access:
        """A caller's way to the resources."""
        return Access(caller, self.authorizer, namespace=self.namespace)


class Gate:
    """Answers 401, 403, 429 and 503 itself, and lets everything else through with the caller's Access."""

    def __init__(self, app: ASGIApp, *, guard: Guard, routes: Callable[[], Iterable[Route]]) -> None:
        self._app = app
        self._guard = guard
        self._list_routes = routes
        self._routes: list[Route] = []
        self._failures = failures()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Guards a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        # The path that the router will look at: it may be served below another.
        found = self._find(request.method, get_route_path(scope))
        if found is None:  # 404 or 405.
            await self._app(scope, receive, send)
            return
        route, parameters = found
        peer = request.client.host if request.client else None
        client = self._guard.addresses.client(peer, request.headers.getlist("X-Forwarded-For"))
        visit = Visit(request.method, route.path, self._guard.requirement(route.name), parameters, client)
        scope["state"] |= {"route": route.name, "visit": visit}
        scope["route"] = route  # The router puts its own here; this is for those who count what was refused.
        try:
            with structlog.contextvars.bound_contextvars(client=client):
                refused = await self._admit(request, visit)
                await (refused or self._app)(scope, receive, _Noting(send, visit).send)
        except asyncio.CancelledError:
            visit.status = visit.status or 504
            raise
        except Exception:
            visit.status = visit.status or 500
            raise
        finally:
            visit.write()

    def _find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]] | None:
        if not self._routes:
            self._routes = list(self._list_routes())
        for known in self._routes:
            if method in known.methods and (match := known.pattern.match(path)):
                return known, match.groupdict()
        return None

    async def _admit(self, request: Request, visit: Visit) -> Response | None:
        """Who it is, how often they call, what they may: in this order; the answer when it ends here."""
        try:
            caller = await self._caller(request, visit)
            if caller is None:
                return too_many(self._failures.look(limited_as(visit.client)), request.state.request_id)
            request.state.user = caller.username or None
            visit.access = request.state.access = self._guard.access(caller)
            if refused := self._limited(caller, request, visit):
                return refused
            if not self._guard.is_open(visit.requirement):
                await self._authorize(visit.access, visit)
        except UnauthorizedError as error:
            # Who is nobody counts too: each refusal of a change is a line in the log.
            return self._limited(ANYBODY, request, visit) or answer(request, error)
        except HeadraceError as error:
            return answer(request, error)
        return None

    async def _caller(self, request: Request, visit: Visit) -> Caller | None:
        """The caller; None when too many bad tokens came from there, and this one would cost us something."""
        authenticator = self._guard.authenticator
        if not authenticator.wants_token or self._guard.is_open(visit.requirement):
            return ANYBODY
        who = limited_as(visit.client)
        token = token_of(request.headers.getlist("Authorization"))
        # Counted beforehand, so that many at once are not all let through; taken back unless it was a bad one.
        is_counted = not authenticator.knows(token)
        if is_counted and not self._failures.take(who).allowed:
            return None
        try:
            return await authenticator.authenticate(token)
        except UnauthorizedError:
            is_counted = False
            raise
        finally:
            if is_counted:
                self._failures.take_back(who)

    def _limited(self, caller: Caller, request: Request, visit: Visit) -> Response | None:
        """Counts the call; the answer when it is one too many."""
        quota = self._take(caller, visit)
        if quota is None:
            return None
        visit.headers |= quota.headers()
        return None if quota.allowed else too_many(quota, request.state.request_id)

    def _take(self, caller: Caller, visit: Visit) -> Quota | None:
        if self._guard.limit is None or visit.requirement.part == PROBES:
            return None
        who = f"user {caller.username}" if caller.is_known else f"address {limited_as(visit.client)}"
        return self._guard.limit.take(who)

    async def _authorize(self, access: Access, visit: Visit) -> None:
        if visit.requirement is _CLOSED:
            raise ForbiddenError("This call is open to nobody: it does not say what it needs")
        await access.require(*[await self._named(right, visit.parameters) for right in visit.requirement.rights])

    async def _named(self, right: Right, parameters: Mapping[str, str]) -> Right:
        """The right on the resource that the path names; on all, where it names none that is there."""
        if not self._guard.authenticator.wants_token or right.verb in (LIST, CREATE):
            return right
        uid = parameters.get(_PARAMETERS[right.plural])
        name = None if uid is None else await self._guard.names.name_of(right.plural, uid)
        return Right(right.verb, right.plural, name)


class _Noting:
    """Takes note of the status, and adds headers."""

    def __init__(self, send: Send, visit: Visit) -> None:
        self._send = send
        self._visit = visit

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._visit.status = message["status"]
            # Before the answer leaves: nobody is told of a change of which there is no line.
            self._visit.write()
            headers = MutableHeaders(scope=message)
            for name, value in self._visit.headers.items():
                headers[name] = value
        await self._send(message)
