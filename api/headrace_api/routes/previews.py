"""`/pipelines/preview`: what a pipeline would read, and the target that it would make, before there is one."""

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from headrace_api.bodies.preview import Preview, PreviewIn
from headrace_api.bodies.problem import responses
from headrace_api.deps import Needs
from headrace_api.reading import JsonRoute

router = APIRouter(prefix="/pipelines", tags=["pipelines"], route_class=JsonRoute)
_SAYS = {
    400: "A rule of the installation forbids it, or the source or the target can't do it: the message says why",
    503: "Something is away: Kubernetes, the store's Postgres, the preview's pod, or the identity provider; try again"
    " later",
    504: "It was not done in time: the query is slow, others were first, or Kubernetes or Postgres does not answer",
}


@router.post(
    "/preview",
    summary="Preview a pipeline",
    response_model=Preview,
    responses=responses(409, body=True, says=_SAYS),
)
async def preview_pipeline(needs: Needs, request: Request, body: PreviewIn) -> JSONResponse:
    """Shows the first rows of a query or table, and how the target would be made. Reads only, and makes nothing.

    What the database says of the query is the message of a 400. 504 when it takes too long, or its turn does not come.
    """
    return JSONResponse(await needs.previewer.rows(body.model_dump(mode="json"), request.is_disconnected))
