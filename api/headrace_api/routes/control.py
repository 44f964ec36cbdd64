"""`/pipelines/{id}/run`, `/pause`, `/status`, `/state`: what a pipeline does, and where it stands."""

from typing import Annotated

from fastapi import APIRouter, Body
from starlette.responses import JSONResponse

from headrace.runspec import RunKind
from headrace.store.records import key_text
from headrace_api import times
from headrace_api.bodies.pipeline import PausedPipeline, PipelineState, PipelineStatus, RunningPipeline
from headrace_api.bodies.problem import responses
from headrace_api.bodies.run import RunRequest
from headrace_api.deps import Needs
from headrace_api.reading import JsonRoute
from headrace_api.routes.parameters import PipelineId
from headrace_api.translate.pipelines import changed_at
from headrace_api.translate.runs import last_run_id

router = APIRouter(prefix="/pipelines/{pipeline_id}", tags=["pipelines"], route_class=JsonRoute)

OptionalRunRequest = Annotated[RunRequest | None, Body(description="Nothing, or how to run.")]


@router.post(
    "/start",
    summary="Run a pipeline (as /run)",
    operation_id="start_pipeline",
    response_model=RunningPipeline,
    responses=responses(404, 409, body=True),
)
@router.post(
    "/run",
    summary="Run a pipeline",
    operation_id="run_pipeline",
    response_model=RunningPipeline,
    responses=responses(404, 409, body=True),
)
async def run_pipeline(needs: Needs, pipeline_id: PipelineId, body: OptionalRunRequest = None) -> JSONResponse:
    """Asks for a run. One that is requested or at work already is the answer; one that is paused goes on."""
    found, run_id = await needs.starter.run(pipeline_id, restart=body is not None and body.restart)
    return JSONResponse({**found.shown(), "pipeline_id": found.id, "run_id": run_id})


@router.post(
    "/rebuild", summary="Rebuild a pipeline's index", response_model=RunningPipeline, responses=responses(404, 409)
)
async def rebuild_pipeline(needs: Needs, pipeline_id: PipelineId) -> JSONResponse:
    """Asks for a run that loads all rows into a new index beside the old one, which it replaces at the end.

    One that is requested or at work already is the answer; one that is paused goes on.
    """
    found, run_id = await needs.starter.start(pipeline_id, RunKind.REBUILD)
    return JSONResponse({**found.shown(), "pipeline_id": found.id, "run_id": run_id})


@router.post("/pause", summary="Pause a pipeline", response_model=PausedPipeline, responses=responses(404, 409))
async def pause_pipeline(needs: Needs, pipeline_id: PipelineId) -> JSONResponse:
    """Stops the run after the batch in flight, and lets none start until `/run`."""
    found = await needs.starter.pause(pipeline_id)
    return JSONResponse({**found.shown(), "pipeline_id": found.id})


@router.get("/status", summary="Read a pipeline's state", response_model=PipelineStatus, responses=responses(404))
async def get_pipeline_status(needs: Needs, pipeline_id: PipelineId) -> JSONResponse:
    """The state, the run that was asked for last, and when the state last changed."""
    found = await needs.resources.find(pipeline_id)
    content = {
        "pipeline_id": found.id,
        "status": found.phase.value,
        "last_run_id": last_run_id(found.pipeline, found.runs),
        "last_updated_at": times.show(changed_at(found.pipeline, found.runs)),
    }
    return JSONResponse(content)


@router.get("/state", summary="Read a pipeline's checkpoint", response_model=PipelineState, responses=responses(404))
async def get_pipeline_state(needs: Needs, pipeline_id: PipelineId) -> JSONResponse:
    """The last committed row: its key and its cursor value. They stay after the run's end."""
    pipeline = await needs.resources.pipelines.find(pipeline_id)
    settings = needs.settings
    checkpoint = await needs.store.get_checkpoint(
        settings.installation, settings.namespace, pipeline["metadata"]["name"], pipeline_uid=pipeline_id
    )
    content = {
        "pipeline_id": pipeline_id,
        "last_processed_id": key_text(checkpoint.last_key) if checkpoint else None,
        "last_processed_value": checkpoint.last_value if checkpoint else None,
        "updated_at": times.show(checkpoint.updated_at) if checkpoint else None,
    }
    return JSONResponse(content)
