"""`/sources/{id}/tables`: what there is to be moved."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse

from headrace_api.bodies.problem import responses
from headrace_api.bodies.table import SourceTable
from headrace_api.deps import Needs
from headrace_api.paging import Offset, page
from headrace_api.reading import JsonRoute
from headrace_api.routes.parameters import Most, SourceId
from headrace_api.routes.pipelines import TOTAL, TOTAL_HEADER
from headrace_api.translate.tables import TableFilter, show_tables

router = APIRouter(prefix="/sources/{source_id}", tags=["sources"], route_class=JsonRoute)
TRUNCATED = "X-Truncated"
_SAYS = {
    400: "The source can't be read: the message says why",
    503: "Something is away: Kubernetes, the store's Postgres, the pod that looks, or the identity provider; try again"
    " later",
    504: "It was not done in time: the source is slow, others were first, or Kubernetes or Postgres does not answer",
}
_HEADERS: dict[str, Any] = {
    **TOTAL_HEADER,
    TRUNCATED: {"description": "`true`: the source has more than could be listed.", "schema": {"type": "string"}},
}


@router.get(
    "/tables",
    summary="List a source's tables",
    response_model=list[SourceTable],
    responses=responses(400, 404, 409, says=_SAYS) | {200: {"headers": _HEADERS}},
)
async def list_source_tables(
    needs: Needs,
    request: Request,
    source_id: SourceId,
    q: Annotated[str | None, Query(description="Part of `schema.table`, whatever its case.")] = None,
    schema: Annotated[str | None, Query(description="Only those of this schema, letter by letter.")] = None,
    refresh: Annotated[bool, Query(description="Look again, also when that was done less than a minute ago.")] = False,
    limit: Most = None,
    offset: Offset = 0,
) -> JSONResponse:
    """Tables and views with their columns, by schema and name, and what a pipeline could do with each.

    At most 2,000. What keeps the source from answering is the message of a 400. 504 when it takes too long, or its turn
    does not come.
    """
    result = await needs.previewer.tables(source_id, refresh=refresh, left=request.is_disconnected)
    tables = show_tables(result, TableFilter(schema=schema, q=q))
    cut = {TRUNCATED: "true"} if result.get("truncated") else {}
    content = page(tables, limit=limit, offset=offset)
    return JSONResponse(content, headers={TOTAL: str(len(tables)), **cut})
