"""The schema says which calls need a token, where callers have to send one."""

from collections.abc import Callable, Iterable
from typing import Any

from fastapi import FastAPI

from headrace_api.bodies.problem import SENTENCES
from headrace_api.gate import Guard, Route

_SCHEME = "bearer"
_DESCRIPTIONS = {
    "kubernetes": "A token that the Kubernetes API server knows, such as a service account's.",
    "oidc": "A JWT of the installation's identity provider.",
}


Routes = Callable[[], Iterable[Route]]


def install(app: FastAPI, guard: Guard, mode: str, routes: Routes) -> None:
    """Adds the security scheme, and what each call needs, to the schema that the application makes."""
    build = app.openapi

    def openapi() -> dict[str, Any]:
        is_made = app.openapi_schema is not None
        schema = build()
        if not is_made:
            _secure(schema, guard, mode, routes)
        return schema

    if guard.authenticator.wants_token:
        app.openapi = openapi  # type: ignore[method-assign]


def _secure(schema: dict[str, Any], guard: Guard, mode: str, routes: Routes) -> None:
    scheme = {"type": "http", "scheme": "bearer", "description": _DESCRIPTIONS[mode]}
    schema.setdefault("components", {})["securitySchemes"] = {_SCHEME: scheme}
    names = {(method, route.path): route.name for route in routes() for method in route.methods}
    for template, operations in schema["paths"].items():
        for method, operation in operations.items():
            is_open = guard.is_open(guard.requirement(names[method.upper(), template]))
            operation["security"] = [] if is_open else [{_SCHEME: []}]
            if not is_open:
                for status in (401, 403, 429):
                    operation["responses"].setdefault(str(status), _problem(status))


def _problem(status: int) -> dict[str, Any]:
    """For a route that has answers of its own only, such as one that may be open."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": SENTENCES[status], "content": {"application/json": {"schema": schema}}}
