"""Errors as callers see them: one superset, in which every family's clients find what they look for."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from headrace_api.bodies.examples import INVALID, PROBLEM
from headrace_api.bodies.time import Time


class FieldProblem(BaseModel):
    """What is wrong with one field."""

    field: str = Field(description="Its bare name.")
    message: str


class ProblemError(BaseModel):
    """What went wrong, for programs and for people."""

    code: str = Field(description="One word for programs, such as NOT_FOUND.")
    message: str
    details: list[FieldProblem]


class ProblemMeta(BaseModel):
    """Which request it was."""

    request_id: str
    timestamp: Time


class Problem(BaseModel):
    """An error."""

    model_config = ConfigDict(json_schema_extra={"examples": [PROBLEM]})

    detail: str
    error: ProblemError
    meta: ProblemMeta


class InvalidItem(BaseModel):
    """One thing that is wrong with the request."""

    type: str
    loc: list[str | int]
    msg: str


class InvalidProblem(BaseModel):
    """The request has the wrong shape."""

    model_config = ConfigDict(json_schema_extra={"examples": [INVALID]})

    detail: list[InvalidItem]
    error: ProblemError
    meta: ProblemMeta


SENTENCES = {
    400: "A rule of the installation forbids it",
    401: "A token is missing, or is not one that is taken here",
    403: "The caller may not do this",
    404: "There is no such thing",
    409: "The state of things forbids it",
    413: "The body is too large",
    415: "The body is no JSON",
    422: "The request has the wrong shape",
    429: "Too many calls; `Retry-After` says when to try again",
    500: "An error of ours",
    503: "Kubernetes, Postgres or the identity provider can't be reached; try again later",
    504: "Kubernetes or Postgres does not answer",
}
_BODY = (400, 413, 415)
_ALWAYS = (401, 403, 422, 429, 500, 503, 504)


def responses(
    *statuses: int, body: bool = False, says: Mapping[int, str] | None = None
) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route, beside those that every route has.

    `body`: it reads one. `says`: where an answer means something else than in other routes.
    """
    wanted = sorted({*statuses, *(_BODY if body else ()), *_ALWAYS})
    sentences = {**SENTENCES, **(says or {})}
    return {
        status: {"description": sentences[status], "model": InvalidProblem if status == 422 else Problem}
        for status in wanted
    }
