"""`/pipelines/{id}/runs` and `/reconcile`: what ran, and whether source and target agree."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse

from headrace_api import history
from headrace_api.bodies.problem import responses
from headrace_api.bodies.run import ReconcileResult, Run, RunDetail
from headrace_api.deps import Needs
from headrace_api.reading import JsonRoute
from headrace_api.routes.parameters import Limit, Offset, PipelineId, RunId
from headrace_api.routes.pipelines import TOTAL, TOTAL_HEADER
from headrace_api.translate.runs import show_detail

router = APIRouter(prefix="/pipelines/{pipeline_id}", tags=["runs"], route_class=JsonRoute)
_ACCEPTED: dict[str, Any] = {
    "model": RunDetail,
    "description": "It takes longer: the run will have the result",
    "headers": {"Location": {"description": "Where the run is.", "schema": {"type": "string"}}},
}


@router.get(
    "/runs",
    summary="List a pipeline's runs",
    response_model=list[Run],
    responses=responses(404) | {200: {"headers": TOTAL_HEADER}},
)
async def list_pipeline_runs(
    needs: Needs, pipeline_id: PipelineId, limit: Limit = 50, offset: Offset = 0
) -> JSONResponse:
    """The pipeline's runs, newest first; reconciles are not among them."""
    found = await needs.resources.find(pipeline_id)
    page = await history.list_runs(needs.store, found, limit=limit, offset=offset)
    return JSONResponse(page.items, headers={TOTAL: str(page.total)})


@router.get(
    "/runs/{run_id}",
    summary="Read a run",
    response_model=RunDetail,
    responses=responses(404),
)
async def get_pipeline_run(needs: Needs, pipeline_id: PipelineId, run_id: RunId) -> JSONResponse:
    """One run of the pipeline, also a reconcile, with its result."""
    found = await needs.resources.find(pipeline_id)
    return JSONResponse(await history.get_run(needs.store, found, run_id))


@router.post(
    "/reconcile",
    summary="Compare source and target",
    response_model=ReconcileResult,
    responses=responses(400, 404, 409) | {202: _ACCEPTED},
)
async def reconcile_pipeline(needs: Needs, pipeline_id: PipelineId) -> JSONResponse:
    """Counts the rows of source and target, beside a run if there is one. Answers 202 when that takes long."""
    run = await needs.reconciler.start(pipeline_id)
    result = await needs.reconciler.result(run, pipeline_id)
    if result is not None:
        return JSONResponse(result)
    location = f"{needs.settings.api_prefix}/pipelines/{pipeline_id}/runs/{run['metadata']['uid']}"
    return JSONResponse(show_detail(run, pipeline_id, None), status_code=202, headers={"Location": location})
