"""`/schedules`: making, reading, changing, enabling and deleting them."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import JSONResponse

from headrace_api.bodies.envelope import Envelope, EnvelopeList
from headrace_api.bodies.problem import responses
from headrace_api.bodies.schedule import Schedule, ScheduleIn
from headrace_api.deps import Needs
from headrace_api.enveloping import envelope, envelope_list
from headrace_api.paging import NEWEST_FIRST, Limit, Offset, ordered, page, sorting
from headrace_api.reading import JsonRoute
from headrace_api.routes.parameters import LOCATION, ScheduleId
from headrace_api.services.schedules import FoundSchedule
from headrace_api.translate.schedules import SORTABLE

router = APIRouter(prefix="/schedules", tags=["schedules"], route_class=JsonRoute)


@router.get("", summary="List schedules", response_model=EnvelopeList[Schedule], responses=responses())
async def list_schedules(
    needs: Needs,
    request: Request,
    project_id: Annotated[str | None, Query(description="Only those of this project's pipelines.")] = None,
    pipeline_id: Annotated[str | None, Query(description="Only those of the pipeline with this id or name.")] = None,
    enabled: Annotated[bool | None, Query(description="Only those that are (not) enabled.")] = None,
    sort: Annotated[str, sorting(*SORTABLE)] = NEWEST_FIRST,
    limit: Limit = 50,
    offset: Offset = 0,
) -> JSONResponse:
    """All schedules, newest first, those made with `kubectl` too."""
    now = datetime.now(UTC)
    shown = [
        found.shown(now)
        for found in await needs.schedules.all()
        if (project_id is None or found.project_id == project_id)
        and (pipeline_id is None or found.is_of(pipeline_id))
        and (enabled is None or found.is_enabled == enabled)
    ]
    items = page(ordered(shown, sort), limit=limit, offset=offset)
    return envelope_list(request, items, total=len(shown), limit=limit, offset=offset)


@router.post(
    "",
    summary="Make a schedule",
    status_code=201,
    response_model=Envelope[Schedule],
    responses=responses(409, body=True) | {201: {"headers": LOCATION}},
)
async def create_schedule(needs: Needs, request: Request, body: ScheduleIn) -> JSONResponse:
    """Makes an EtlSchedule, which its pipeline owns. Each of its due times runs once, or is counted as missed."""
    found = await needs.schedules.create(body.model_dump(mode="json"))
    headers = {"Location": f"{needs.settings.api_prefix}/schedules/{found.id}"}
    return envelope(request, _shown(found), status=201, headers=headers)


@router.get("/{schedule_id}", summary="Read a schedule", response_model=Envelope[Schedule], responses=responses(404))
async def get_schedule(needs: Needs, request: Request, schedule_id: ScheduleId) -> JSONResponse:
    """One schedule, as it is now."""
    return envelope(request, _shown(await needs.schedules.find(schedule_id)))


@router.put(
    "/{schedule_id}",
    summary="Replace a schedule",
    response_model=Envelope[Schedule],
    responses=responses(404, 409, body=True),
)
async def replace_schedule(needs: Needs, request: Request, schedule_id: ScheduleId, body: ScheduleIn) -> JSONResponse:
    """Replaces what it says; what is left out gets its default. Another expression or time zone counts from now on."""
    return envelope(request, _shown(await needs.schedules.replace(schedule_id, body.model_dump(mode="json"))))


@router.delete(
    "/{schedule_id}",
    summary="Delete a schedule",
    status_code=204,
    response_class=Response,
    responses=responses(404, 409),
)
async def delete_schedule(needs: Needs, schedule_id: ScheduleId) -> Response:
    """Deletes the schedule; its runs stay."""
    await needs.schedules.delete(schedule_id)
    return Response(status_code=204)


@router.post(
    "/{schedule_id}/enable",
    summary="Enable a schedule",
    response_model=Envelope[Schedule],
    responses=responses(404, 409),
)
async def enable_schedule(needs: Needs, request: Request, schedule_id: ScheduleId) -> JSONResponse:
    """It is due from now on: what it missed while it was disabled is not made up for."""
    return envelope(request, _shown(await needs.schedules.enable(schedule_id, enabled=True)))


@router.post(
    "/{schedule_id}/disable",
    summary="Disable a schedule",
    response_model=Envelope[Schedule],
    responses=responses(404, 409),
)
async def disable_schedule(needs: Needs, request: Request, schedule_id: ScheduleId) -> JSONResponse:
    """It is not due any more; what was started goes on."""
    return envelope(request, _shown(await needs.schedules.enable(schedule_id, enabled=False)))


def _shown(found: FoundSchedule) -> dict[str, object]:
    return found.shown(datetime.now(UTC))
