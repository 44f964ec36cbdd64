"""`/pipelines/{id}/dead-letters`: rows that the target refused, and sending them again."""

from fastapi import APIRouter
from starlette.responses import JSONResponse

from headrace.runspec import RunKind
from headrace_api.bodies.dead_letter import DeadLetter
from headrace_api.bodies.pipeline import RunningPipeline
from headrace_api.bodies.problem import responses
from headrace_api.deps import Needs
from headrace_api.reading import JsonRoute
from headrace_api.routes.parameters import Limit, Offset, PipelineId
from headrace_api.routes.pipelines import TOTAL, TOTAL_HEADER
from headrace_api.translate.dead_letters import show_letter

router = APIRouter(prefix="/pipelines/{pipeline_id}/dead-letters", tags=["dead letters"], route_class=JsonRoute)


@router.get(
    "",
    summary="List a pipeline's dead letters",
    response_model=list[DeadLetter],
    responses=responses(404) | {200: {"headers": TOTAL_HEADER}},
)
async def list_dead_letters(
    needs: Needs, pipeline_id: PipelineId, limit: Limit = 50, offset: Offset = 0
) -> JSONResponse:
    """The rows that the target refused, with its reasons; the latest first. A full run drops those of earlier runs."""
    await needs.resources.pipelines.find(pipeline_id)
    letters = await needs.store.list_dead_letters(pipeline_id, limit=limit, offset=offset)
    total = await needs.store.count_dead_letters(pipeline_id)
    return JSONResponse([show_letter(letter) for letter in letters], headers={TOTAL: str(total)})


@router.post(
    "/replay", summary="Send dead letters again", response_model=RunningPipeline, responses=responses(404, 409)
)
async def replay_dead_letters(needs: Needs, pipeline_id: PipelineId) -> JSONResponse:
    """Asks for a run that reads the rows of the dead letters from the source again, as they are now, and sends them.

    One that is requested or at work already is the answer; one that is paused goes on.
    """
    found, run_id = await needs.starter.start(pipeline_id, RunKind.REPLAY)
    return JSONResponse({**found.shown(), "pipeline_id": found.id, "run_id": run_id})
