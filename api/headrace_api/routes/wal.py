"""`/metrics/wal`: the WAL that replication slots held back, as the operator measured it."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse

from headrace_api.bodies.backfill import Moment
from headrace_api.bodies.problem import responses
from headrace_api.bodies.wal import WalMeasurement
from headrace_api.deps import Needs
from headrace_api.paging import Offset
from headrace_api.routes.pipelines import TOTAL, TOTAL_HEADER
from headrace_api.translate.wal import show_measurement

router = APIRouter(tags=["wal"])


@router.get(
    "/metrics/wal",
    summary="List measurements of the WAL",
    response_model=list[WalMeasurement],
    responses=responses() | {200: {"headers": TOTAL_HEADER}},
)
async def list_wal(
    needs: Needs,
    source_id: Annotated[
        str | None, Query(description="Only those of this source, also after it was deleted; of an unknown one: none.")
    ] = None,
    since: Annotated[Moment, Query(description="Only those of then and later: RFC 3339, with a zone.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many at most.")] = 100,
    offset: Offset = 0,
) -> JSONResponse:
    """What each slot of each source, and all slots of a source together, held back: newest first."""
    found, total = await needs.store.list_wal(
        needs.scope, source_uid=source_id, since=since, limit=limit, offset=offset
    )
    return JSONResponse([show_measurement(each) for each in found], headers={TOTAL: str(total)})
