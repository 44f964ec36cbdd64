"""`/pipelines/preview`: what a pipeline would read, and the target that it would make, before there is one."""

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from headrace_api.bodies.preview import Preview, PreviewIn
from headrace_api.bodies.problem import responses
from headrace_api.deps import Needs
from headrace_api.reading import JsonRoute

router = APIRouter(prefix="/pipelines", tags=["pipelines"], route_class=JsonRoute)


@router.post(
    "/preview",
    summary="Preview a pipeline",
    response_model=Preview,
    responses=responses(409, body=True),
)
async def preview_pipeline(needs: Needs, request: Request, body: PreviewIn) -> JSONResponse:
    """Shows the first rows of a query or table, and how the target would be made. Reads only, and makes nothing.

    What the database says of the query is the message of a 400. 504 when it takes too long.
    """
    return JSONResponse(await needs.previewer.rows(body.model_dump(mode="json"), request.is_disconnected))
