"""`/runs`: runs on demand, of any pipeline; their tasks and lines."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query, Request
from starlette.responses import JSONResponse, Response

from headrace.lifecycle.state import RunPhase
from headrace_api.bodies.envelope import Envelope, EnvelopeList
from headrace_api.bodies.log import Level, LogLine
from headrace_api.bodies.platform_run import Accepted, CancelIn, PlatformRun, RunIn, StartIn
from headrace_api.bodies.problem import responses
from headrace_api.bodies.task import Task
from headrace_api.deps import Needs
from headrace_api.enveloping import envelope, envelope_list
from headrace_api.paging import NEWEST_FIRST, Limit, Offset, page, sorting
from headrace_api.reading import JsonRoute
from headrace_api.requests import lift_limit
from headrace_api.routes.parameters import RunId
from headrace_api.services.executions import SORTABLE, Wanted
from headrace_api.services.followers import EventStream
from headrace_api.services.following import Pace, follow
from headrace_api.translate.executions import show_task
from headrace_api.translate.logs import show_line

router = APIRouter(prefix="/runs", tags=["runs"], route_class=JsonRoute)
_LOCATION: dict[str, Any] = {"Location": {"description": "Where the run is.", "schema": {"type": "string"}}}
_EVENTS = """
`text/event-stream` with `follow=true`: an event for each line, its `id` the line's, its data the line as JSON; when the
run is over and all lines were sent, one event `end` with `{"run_id", "state"}` (state null: it is gone with its
pipeline).
"""
_EVENT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "description": "The line's; for `Last-Event-ID`."},
        "event": {"type": "string", "enum": ["message", "end"], "description": "`message` unless said otherwise."},
        "data": {"type": "string", "contentMediaType": "application/json"},
        "retry": {"type": "integer"},
    },
    "required": ["data"],
}


@router.post(
    "",
    summary="Make a run",
    status_code=201,
    response_model=Envelope[PlatformRun],
    responses=responses(body=True) | {201: {"headers": _LOCATION}},
)
async def create_run(needs: Needs, request: Request, body: RunIn) -> JSONResponse:
    """Makes an EtlRun that waits for `/start`; each call makes one of its own."""
    fields = body.model_dump(include={"params", "tags"})
    made = await needs.executor.create(body.project_id, body.pipeline_id, fields)
    location = f"{needs.settings.api_prefix}/runs/{made.id}"
    return envelope(request, made.shown(), status=201, headers={"Location": location})


@router.get("", summary="List runs", response_model=EnvelopeList[PlatformRun], responses=responses())
async def list_runs(
    needs: Needs,
    request: Request,
    project_id: Annotated[str | None, Query(description="Only those of this project's pipelines.")] = None,
    pipeline_id: Annotated[str | None, Query(description="Only those of this pipeline: its id or name.")] = None,
    state: Annotated[RunPhase | None, Query(description="Only those in this state.")] = None,
    sort: Annotated[str, sorting(*SORTABLE)] = NEWEST_FIRST,
    limit: Limit = 50,
    offset: Offset = 0,
) -> JSONResponse:
    """Runs of all pipelines, newest first, those made with `kubectl` too; reconciles are not among them.

    Of an unknown project or pipeline there are none.
    """
    wanted = Wanted(pipeline=pipeline_id, project_id=project_id, state=state, sort=sort, limit=limit, offset=offset)
    found = await needs.executions.list(wanted)
    items = [execution.shown() for execution in found.items]
    return envelope_list(request, items, total=found.total, limit=limit, offset=offset)


@router.get("/{run_id}", summary="Read one run", response_model=Envelope[PlatformRun], responses=responses(404))
async def get_run(needs: Needs, request: Request, run_id: RunId) -> JSONResponse:
    """One run of any kind, as it is now."""
    return envelope(request, (await needs.executions.get(run_id)).shown())


@router.post(
    "/{run_id}/start",
    summary="Start a run",
    status_code=202,
    response_model=Envelope[Accepted],
    responses=responses(404, 409, body=True),
)
async def start_run(
    needs: Needs,
    request: Request,
    run_id: RunId,
    body: Annotated[StartIn | None, Body(description="Nothing, or how to start it.")] = None,
) -> JSONResponse:
    """Starts a run that waits for it. One that is paused, or whose pipeline is, goes on; one that was started stays.

    409 when it is over, or is being cancelled.
    """
    await needs.executor.start(run_id, body.timeout_seconds if body else None)
    url = f"{needs.settings.api_prefix}/runs/{run_id}"
    return envelope(request, {"status": "accepted", "run_id": run_id, "status_url": url}, status=202)


@router.post(
    "/{run_id}/cancel",
    summary="Cancel a run",
    response_model=Envelope[PlatformRun],
    responses=responses(404, 409, body=True),
)
async def cancel_run(
    needs: Needs,
    request: Request,
    run_id: RunId,
    body: Annotated[CancelIn | None, Body(description="Nothing, or why.")] = None,
) -> JSONResponse:
    """Ends a run after the batch in flight; what was written stays. 409 when it is over."""
    cancelled = await needs.executor.cancel(run_id, body.reason if body else None)
    return envelope(request, cancelled.shown())


@router.get(
    "/{run_id}/tasks", summary="List a run's tasks", response_model=EnvelopeList[Task], responses=responses(404)
)
async def list_run_tasks(
    needs: Needs, request: Request, run_id: RunId, limit: Limit = 50, offset: Offset = 0
) -> JSONResponse:
    """The run's tasks, in the order of the pipeline's edges: its nodes, or extract, transform and load."""
    tasks = [show_task(task) for task in (await needs.executions.get(run_id)).tasks()]
    part = page(tasks, limit=limit, offset=offset)
    return envelope_list(request, part, total=len(tasks), limit=limit, offset=offset)


@router.get(
    "/{run_id}/logs",
    summary="Read a run's lines, or follow them",
    response_model=EnvelopeList[LogLine],
    responses=responses(404) | {200: {"content": {"text/event-stream": {"schema": _EVENT}}, "description": _EVENTS}},
)
async def list_run_logs(
    needs: Needs,
    request: Request,
    run_id: RunId,
    level: Annotated[Level, Query(description="Lines of this level and above.")] = Level.DEBUG,
    follow_: Annotated[bool, Query(alias="follow", description="Send the lines as they come.")] = False,
    last_event_id: Annotated[
        int | None, Header(ge=0, le=2**63 - 1, description="With `follow`: only what came after this line.")
    ] = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> Response:
    """What its runners wrote, oldest first; lines outlive the pod.

    With `follow=true` server-sent events, `limit` and `offset` do not count then: all lines, and those to come, until
    the run is over. A comment every 15 s shows that the connection lives. After 30 minutes it ends with the comment
    `come again`: callers reconnect with `Last-Event-ID`, as an EventSource does by itself, and show their token again.
    429 when too many follow already.
    """
    run = await needs.executions.get(run_id)
    if not follow_:
        total = await needs.store.count_logs(run.id, min_level=level)
        lines = await needs.store.list_logs(run.id, min_level=level, limit=limit, offset=offset)
        return envelope_list(request, [show_line(line) for line in lines], total=total, limit=limit, offset=offset)
    pace = Pace()
    lift_limit(request, seconds=pace.longest + pace.slack)
    watched = needs.watcher.of(run.id, request, level)
    return EventStream(follow(watched, after=last_event_id or 0, pace=pace), needs.followers)
