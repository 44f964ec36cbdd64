"""`/pipelines`: making, reading, changing and deleting them."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from starlette.responses import JSONResponse

from headrace.lifecycle.state import Phase
from headrace.model.pipeline import PipelineType
from headrace.runspec import Mode
from headrace_api.bodies.pipeline import Pipeline, PipelineIn, PipelinePatch
from headrace_api.bodies.problem import responses
from headrace_api.deps import Needs
from headrace_api.listing import SORTABLE, Filters
from headrace_api.paging import NEWEST_FIRST, Offset, ordered, page, sorting
from headrace_api.reading import JsonRoute
from headrace_api.routes.parameters import PipelineId

router = APIRouter(prefix="/pipelines", tags=["pipelines"], route_class=JsonRoute)
TOTAL = "X-Total-Count"
TOTAL_HEADER: dict[str, Any] = {
    TOTAL: {"description": "How many there are in all pages.", "schema": {"type": "integer"}}
}


@router.get(
    "",
    summary="List pipelines",
    response_model=list[Pipeline],
    responses=responses() | {200: {"headers": TOTAL_HEADER}},
)
async def list_pipelines(
    needs: Needs,
    status: Annotated[Phase | None, Query(description="Only those in this state.")] = None,
    type: Annotated[PipelineType | None, Query(description="Only those of this type.")] = None,  # noqa: A002
    mode: Annotated[Mode | None, Query(description="Only those of this mode.")] = None,
    enabled: Annotated[bool | None, Query(description="Only those that are (not) enabled.")] = None,
    project_id: Annotated[str | None, Query(description="Only those of this project.")] = None,
    source_id: Annotated[str | None, Query(description="Only those that read from it, also as the default.")] = None,
    destination_id: Annotated[
        str | None, Query(description="Only those that write to it, also as the default.")
    ] = None,
    q: Annotated[str | None, Query(description="Part of the name, whatever its case.")] = None,
    sort: Annotated[str, sorting(*SORTABLE)] = NEWEST_FIRST,
    limit: Annotated[int | None, Query(ge=1, le=500, description="How many at most; without it, all.")] = None,
    offset: Offset = 0,
) -> JSONResponse:
    """All pipelines, newest first, those made with `kubectl` too."""
    named = {"project_id": project_id, "source_id": source_id, "destination_id": destination_id}
    filters = Filters(status=status, type=type, mode=mode, enabled=enabled, q=q, **named)
    every, used = await needs.resources.all(), needs.resources.used
    shown = [pipeline for one in every if filters.take((pipeline := one.shown()) | used(one.pipeline))]
    content = page(ordered(shown, sort), limit=limit, offset=offset)
    return JSONResponse(content, headers={TOTAL: str(len(shown))})


@router.post(
    "",
    summary="Make a pipeline",
    status_code=201,
    response_model=Pipeline,
    responses=responses(400, 409, body=True)
    | {201: {"headers": {"Location": {"description": "Where the pipeline is.", "schema": {"type": "string"}}}}},
)
async def create_pipeline(needs: Needs, body: PipelineIn) -> JSONResponse:
    """Makes an EtlPipeline. Its target must be on the list of allowed targets, and its name must be free."""
    found = await needs.editor.create(body.model_dump(mode="json"))
    location = f"{needs.settings.api_prefix}/pipelines/{found.id}"
    return JSONResponse(found.shown(), status_code=201, headers={"Location": location})


@router.get("/{pipeline_id}", summary="Read a pipeline", response_model=Pipeline, responses=responses(404))
async def get_pipeline(needs: Needs, pipeline_id: PipelineId) -> JSONResponse:
    """One pipeline, as it is now."""
    return JSONResponse((await needs.resources.find(pipeline_id)).shown())


@router.patch(
    "/{pipeline_id}",
    summary="Change a pipeline",
    response_model=Pipeline,
    responses=responses(404, 409, body=True),
)
async def update_pipeline(needs: Needs, pipeline_id: PipelineId, body: PipelinePatch) -> JSONResponse:
    """Changes the fields that are sent. Not while a run is at work; an edit never touches a run that has started."""
    found = await needs.editor.patch(pipeline_id, body.model_dump(mode="json", exclude_unset=True))
    return JSONResponse(found.shown())


@router.put(
    "/{pipeline_id}",
    summary="Replace a pipeline's configuration",
    response_model=Pipeline,
    responses=responses(404, 409, body=True),
)
async def replace_pipeline(needs: Needs, pipeline_id: PipelineId, body: PipelineIn) -> JSONResponse:
    """Replaces the configuration; what is left out gets its default. A pause stays."""
    found = await needs.editor.replace(pipeline_id, body.model_dump(mode="json"))
    return JSONResponse(found.shown())


@router.delete(
    "/{pipeline_id}",
    summary="Delete a pipeline",
    status_code=204,
    response_class=Response,
    responses=responses(404, 409),
)
async def delete_pipeline(needs: Needs, pipeline_id: PipelineId) -> Response:
    """Deletes the pipeline with its runs. The rows in its target stay. Not while a run is at work."""
    await needs.editor.delete(pipeline_id)
    return Response(status_code=204)
