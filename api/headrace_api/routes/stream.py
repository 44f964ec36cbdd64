"""`/stream`: pipelines that run until they are stopped."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse

from headrace_api.auth.audit import write_early
from headrace_api.bodies import stream as bodies
from headrace_api.bodies.envelope import Envelope, EnvelopeList
from headrace_api.bodies.problem import responses
from headrace_api.deps import Needs, Services
from headrace_api.enveloping import envelope, envelope_list
from headrace_api.lags import lags
from headrace_api.paging import NEWEST_FIRST, Limit, Offset, sorting
from headrace_api.reading import JsonRoute
from headrace_api.requests import lift_limit
from headrace_api.services.executions import SORTABLE, Wanted
from headrace_api.services.following import Pace, wait_for_end
from headrace_api.translate.executions import Execution
from headrace_api.translate.streams import show_execution, show_stream

router = APIRouter(prefix="/stream", tags=["streams"], route_class=JsonRoute)
_ENDED: dict[str, Any] = {"model": Envelope[bodies.Requested], "description": "With mode sync: it has ended"}


@router.post(
    "/run",
    summary="Run a pipeline as a stream",
    status_code=202,
    response_model=Envelope[bodies.Requested],
    responses=responses(404, 409, body=True) | {200: _ENDED},
)
async def run_stream(needs: Needs, request: Request, body: bodies.StreamIn) -> JSONResponse:
    """Brings what changes in the source until it is stopped, each second or as the pipeline's `poll_interval` says.

    A stream that is requested or at work already is the answer; one that is paused goes on. With mode `sync` the answer
    comes when the stream has ended; the stream goes on when the caller leaves. 202 then too, when the server ends
    before the stream does.
    """
    if body.mode == "async":
        return _told(needs, request, await _asked(needs, body), status=202, ignored=body.config.ignored)
    with needs.followers:
        stream = await _asked(needs, body)
        write_early(request, status=202)
        lift_limit(request)
        ended = await wait_for_end(needs.watcher.of(stream.id, request), pace=Pace())
    stream, status = await needs.executions.get(stream.id), 200 if ended else 202
    return _told(needs, request, stream, status=status, ignored=body.config.ignored)


@router.get(
    "/status",
    summary="Read streams",
    response_model=Envelope[bodies.Stream] | EnvelopeList[bodies.Stream],
    responses=responses(404),
)
async def get_stream_status(
    needs: Needs,
    request: Request,
    execution_id: Annotated[str | None, Query(description="Only this one; without it, all as a list.")] = None,
    sort: Annotated[str, sorting(*SORTABLE)] = NEWEST_FIRST,
    limit: Limit = 50,
    offset: Offset = 0,
) -> JSONResponse:
    """One stream, or all that are known, newest first: those at work, those that wait, and those that have ended."""
    if execution_id is not None:
        stream = await needs.executor.find_stream(execution_id)
        return envelope(request, (await _shown(needs, [stream]))[0])
    found = await needs.executions.list(Wanted(streams=True, sort=sort, limit=limit, offset=offset))
    return envelope_list(request, await _shown(needs, found.items), total=found.total, limit=limit, offset=offset)


@router.post(
    "/stop",
    summary="Stop a stream",
    status_code=202,
    response_model=Envelope[bodies.Execution],
    responses=responses(404, 409, body=True),
)
async def stop_stream(needs: Needs, request: Request, body: bodies.StopIn) -> JSONResponse:
    """Ends a stream after the change in flight, or after `timeout` seconds; the next one goes on from the checkpoint.

    Again while it stops: the same; a shorter timeout counts. 409 when it is over.
    """
    return _told(needs, request, await needs.executor.stop(body.execution_id, body.timeout), status=202)


async def _asked(needs: Services, body: bodies.StreamIn) -> Execution:
    return await needs.executor.stream(body.pipeline, body.config.of_run())


def _told(needs: Services, request: Request, stream: Execution, *, status: int, **more: Any) -> JSONResponse:
    return envelope(request, show_execution(stream, needs.settings.api_prefix) | more, status=status)


async def _shown(needs: Services, streams: list[Execution]) -> list[dict[str, Any]]:
    behind = await lags(needs.store, streams)
    return [show_stream(stream, needs.settings.api_prefix, behind.get(stream.id)) for stream in streams]
