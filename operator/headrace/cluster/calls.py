"""What is told of each request to the Kubernetes API, for those who count: no names, so that there are few kinds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

from headrace.errors import ConflictError, HeadraceError, InvalidError, NotFoundError

OK, CONFLICT, NOT_FOUND, INVALID, UNAVAILABLE = "ok", "conflict", "not_found", "invalid", "unavailable"
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class Call:
    """One request that has ended."""

    verb: str
    """As RBAC has it: get, list, watch, create, update, patch, delete."""
    resource: str
    """The plural, with the subresource: `etlruns/status`."""
    outcome: str
    """`ok`, or in a word why not; `unavailable` also when a right is missing."""
    seconds: float
    """Until the answer was read; of a watch: until it began."""


Tell = Callable[[Call], None]


@contextmanager
def told(tell: Tell, method: str, path: str, *, watch: bool = False) -> Iterator[None]:
    """Tells how the block went; nothing when it was cancelled."""
    began = monotonic()
    try:
        yield
    except HeadraceError as error:
        tell(_call(method, path, watch, _outcome(error), monotonic() - began))
        raise
    tell(_call(method, path, watch, OK, monotonic() - began))


def _call(method: str, path: str, watch: bool, outcome: str, seconds: float) -> Call:
    resource, is_named = _resource(path)
    verb = "watch" if watch else _VERBS.get(method) or ("get" if is_named else "list")
    return Call(verb, resource, outcome, seconds)


def _resource(path: str) -> tuple[str, bool]:
    """The kind that a path is about, and whether it names one object."""
    parts = path.strip("/").split("/")
    parts = parts[3 if parts[0] == "apis" else 2 if parts[0] == "api" else 0 :]
    if not parts or not parts[0]:
        return "discovery", True
    if parts[0] == "namespaces" and len(parts) > 2:
        parts = parts[2:]
    if parts == ["version"]:
        return "version", True
    return "/".join([parts[0], *parts[2:]]), len(parts) > 1


def _outcome(error: HeadraceError) -> str:
    match error:
        case ConflictError():
            return CONFLICT
        case NotFoundError():
            return NOT_FOUND
        case InvalidError():
            return INVALID
    return UNAVAILABLE
