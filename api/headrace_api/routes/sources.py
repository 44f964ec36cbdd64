"""`/sources`: making, reading, changing and deleting them."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from starlette.responses import JSONResponse

from headrace.model.source import SourceType
from headrace_api.bodies.problem import responses
from headrace_api.bodies.source import Source, SourceIn, SourcePut
from headrace_api.deps import Needs
from headrace_api.listing import named
from headrace_api.paging import NEWEST_FIRST, Offset, ordered, page, sorting
from headrace_api.reading import JsonRoute
from headrace_api.routes.parameters import LOCATION, Most, NamePart, SourceId
from headrace_api.routes.pipelines import TOTAL, TOTAL_HEADER
from headrace_api.translate.connections import SORTABLE

router = APIRouter(prefix="/sources", tags=["sources"], route_class=JsonRoute)


@router.get(
    "", summary="List sources", response_model=list[Source], responses=responses() | {200: {"headers": TOTAL_HEADER}}
)
async def list_sources(
    needs: Needs,
    type: Annotated[SourceType | None, Query(description="Only those of this type.")] = None,  # noqa: A002
    q: NamePart = None,
    sort: Annotated[str, sorting(*SORTABLE)] = NEWEST_FIRST,
    limit: Most = None,
    offset: Offset = 0,
) -> JSONResponse:
    """All sources, newest first, those made with `kubectl` too."""
    shown = [source for source in await needs.sources.all() if type in (None, source["type"]) and named(source, q)]
    content = page(ordered(shown, sort), limit=limit, offset=offset)
    return JSONResponse(content, headers={TOTAL: str(len(shown))})


@router.post(
    "",
    summary="Make a source",
    status_code=201,
    response_model=Source,
    responses=responses(409, body=True) | {201: {"headers": LOCATION}},
)
async def create_source(needs: Needs, body: SourceIn) -> JSONResponse:
    """Makes an EtlSource, whose name must be free, and a Secret for its password. Whether it lets us in shows later."""
    source = await needs.sources.create(body.fields(), body.password_change())
    headers = {"Location": f"{needs.settings.api_prefix}/sources/{source['id']}"}
    return JSONResponse(source, status_code=201, headers=headers)


@router.get("/{source_id}", summary="Read a source", response_model=Source, responses=responses(404))
async def get_source(needs: Needs, source_id: SourceId) -> JSONResponse:
    """One source, as it is now, without its password."""
    return JSONResponse(await needs.sources.find(source_id))


@router.put(
    "/{source_id}",
    summary="Replace a source's configuration",
    response_model=Source,
    responses=responses(404, 409, body=True),
)
async def replace_source(needs: Needs, source_id: SourceId, body: SourcePut) -> JSONResponse:
    """Replaces the configuration; what is left out gets its default, but for the password. Takes what GET shows, too.

    The password stays where it is left out, and is removed by null. The next run uses what is new; a run at work stays
    where it is, and logs in with the new password.
    """
    return JSONResponse(await needs.sources.replace(source_id, body.fields(), body.password_change()))


@router.delete(
    "/{source_id}",
    summary="Delete a source",
    status_code=204,
    response_class=Response,
    responses=responses(404, 409),
)
async def delete_source(needs: Needs, source_id: SourceId) -> Response:
    """Deletes the source and the Secret with its password; not while a pipeline uses it."""
    await needs.sources.delete(source_id)
    return Response(status_code=204)
