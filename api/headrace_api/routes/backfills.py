"""`/schedules/{id}/backfill` and `/backfills`: runs for due times of the past."""

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from headrace_api.bodies.backfill import Backfill, BackfilledRuns, BackfillIn, BackfillPatch
from headrace_api.bodies.envelope import Envelope, EnvelopeList
from headrace_api.bodies.problem import responses
from headrace_api.deps import Needs
from headrace_api.enveloping import envelope, envelope_list
from headrace_api.paging import NEWEST_FIRST, Limit, Offset, ordered, page, sorting
from headrace_api.reading import JsonRoute
from headrace_api.routes.parameters import LOCATION, BackfillId, ScheduleId
from headrace_api.translate.backfills import SORTABLE, show_backfill

router = APIRouter(prefix="/schedules/{schedule_id}", tags=["schedules"], route_class=JsonRoute)


@router.post(
    "/backfill",
    summary="Run due times of the past",
    status_code=202,
    response_model=Envelope[BackfilledRuns | Backfill],
    responses=responses(404, 409, body=True) | {202: {"headers": LOCATION}},
)
async def backfill_schedule(needs: Needs, request: Request, schedule_id: ScheduleId, body: BackfillIn) -> JSONResponse:
    """With `count`: a run for each of the last due times, oldest first; one that has a run keeps it.

    With `from` and `to`: an EtlBackfill, which the operator works off; `Location` says where its progress is.
    """
    count = body.way()
    if count is not None:
        return envelope(request, {"runs": await needs.backfiller.last(schedule_id, count)}, status=202)
    backfill, schedule_id = await needs.backfiller.between(schedule_id, body.model_dump())
    shown = show_backfill(backfill, schedule_id)
    headers = {"Location": f"{needs.settings.api_prefix}/schedules/{schedule_id}/backfills/{shown['id']}"}
    return envelope(request, shown, status=202, headers=headers)


@router.get(
    "/backfills",
    summary="List a schedule's backfills",
    response_model=EnvelopeList[Backfill],
    responses=responses(404),
)
async def list_backfills(
    needs: Needs,
    request: Request,
    schedule_id: ScheduleId,
    sort: Annotated[str, sorting(*SORTABLE)] = NEWEST_FIRST,
    limit: Limit = 50,
    offset: Offset = 0,
) -> JSONResponse:
    """Its backfills of a range, newest first."""
    shown = [show_backfill(backfill, schedule_id) for backfill in await needs.backfiller.all(schedule_id)]
    items = page(ordered(shown, sort), limit=limit, offset=offset)
    return envelope_list(request, items, total=len(shown), limit=limit, offset=offset)


@router.get(
    "/backfills/{backfill_id}",
    summary="Read a backfill",
    response_model=Envelope[Backfill],
    responses=responses(404),
)
async def get_backfill(
    needs: Needs, request: Request, schedule_id: ScheduleId, backfill_id: BackfillId
) -> JSONResponse:
    """How far a backfill of a range is."""
    return envelope(request, show_backfill(await needs.backfiller.find(schedule_id, backfill_id), schedule_id))


@router.patch(
    "/backfills/{backfill_id}",
    summary="Pause, resume or retry a backfill",
    response_model=Envelope[Backfill],
    responses=responses(404, 409, body=True),
)
async def update_backfill(
    needs: Needs, request: Request, schedule_id: ScheduleId, backfill_id: BackfillId, body: BackfillPatch
) -> JSONResponse:
    """Changes the fields that are sent. The runs that were made go on."""
    sent = body.model_dump(mode="json", exclude_unset=True)
    return envelope(request, show_backfill(await needs.backfiller.change(schedule_id, backfill_id, sent), schedule_id))
