"""`/destinations`: making, reading, changing and deleting them."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from starlette.responses import JSONResponse

from headrace.model.connection import ConnectionType
from headrace_api.bodies.destination import Destination, DestinationIn, DestinationPut
from headrace_api.bodies.problem import responses
from headrace_api.deps import Needs
from headrace_api.listing import named
from headrace_api.paging import NEWEST_FIRST, Offset, ordered, page, sorting
from headrace_api.reading import JsonRoute
from headrace_api.routes.parameters import LOCATION, DestinationId, Most, NamePart
from headrace_api.routes.pipelines import TOTAL, TOTAL_HEADER
from headrace_api.translate.connections import SORTABLE

router = APIRouter(prefix="/destinations", tags=["destinations"], route_class=JsonRoute)


@router.get(
    "",
    summary="List destinations",
    response_model=list[Destination],
    responses=responses() | {200: {"headers": TOTAL_HEADER}},
)
async def list_destinations(
    needs: Needs,
    type: Annotated[ConnectionType | None, Query(description="Only those of this type.")] = None,  # noqa: A002
    q: NamePart = None,
    sort: Annotated[str, sorting(*SORTABLE)] = NEWEST_FIRST,
    limit: Most = None,
    offset: Offset = 0,
) -> JSONResponse:
    """All destinations, newest first, those made with `kubectl` too."""
    shown = [one for one in await needs.destinations.all() if type in (None, one["type"]) and named(one, q)]
    content = page(ordered(shown, sort), limit=limit, offset=offset)
    return JSONResponse(content, headers={TOTAL: str(len(shown))})


@router.post(
    "",
    summary="Make a destination",
    status_code=201,
    response_model=Destination,
    responses=responses(409, body=True) | {201: {"headers": LOCATION}},
)
async def create_destination(needs: Needs, body: DestinationIn) -> JSONResponse:
    """Makes an EtlDestination, whose name must be free, and a Secret for its password."""
    destination = await needs.destinations.create(body.fields(), body.password_change())
    headers = {"Location": f"{needs.settings.api_prefix}/destinations/{destination['id']}"}
    return JSONResponse(destination, status_code=201, headers=headers)


@router.get("/{destination_id}", summary="Read a destination", response_model=Destination, responses=responses(404))
async def get_destination(needs: Needs, destination_id: DestinationId) -> JSONResponse:
    """One destination, as it is now, without its password."""
    return JSONResponse(await needs.destinations.find(destination_id))


@router.put(
    "/{destination_id}",
    summary="Replace a destination's configuration",
    response_model=Destination,
    responses=responses(404, 409, body=True),
)
async def replace_destination(needs: Needs, destination_id: DestinationId, body: DestinationPut) -> JSONResponse:
    """Replaces the configuration; what is left out gets its default, but for the password. Takes what GET shows, too.

    The password stays where it is left out, and is removed by null. The next run uses what is new; a run at work stays
    where it is, and logs in with the new password. Its type stays while pipelines use it.
    """
    return JSONResponse(await needs.destinations.replace(destination_id, body.fields(), body.password_change()))


@router.delete(
    "/{destination_id}",
    summary="Delete a destination",
    status_code=204,
    response_class=Response,
    responses=responses(404, 409),
)
async def delete_destination(needs: Needs, destination_id: DestinationId) -> Response:
    """Deletes the destination and the Secret with its password; not while a pipeline uses it. Its rows stay."""
    await needs.destinations.delete(destination_id)
    return Response(status_code=204)
