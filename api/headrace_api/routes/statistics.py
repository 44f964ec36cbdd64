"""`/statistics`: what the installation has done so far, in figures."""

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from headrace_api.bodies.envelope import Envelope
from headrace_api.bodies.problem import responses
from headrace_api.bodies.statistics import Statistics
from headrace_api.counting import run_figures
from headrace_api.deps import Needs
from headrace_api.enveloping import envelope

router = APIRouter(tags=["installation"])


@router.get(
    "/statistics", summary="How much, and how well?", response_model=Envelope[Statistics], responses=responses()
)
async def get_statistics(needs: Needs, request: Request) -> JSONResponse:
    """Projects, pipelines and runs, and how runs ended. What was deleted does not count."""
    found = await needs.resources.all()
    projects = await needs.resources.projects.all()
    figures = await run_figures(needs.store, needs.scope, found)
    return envelope(request, {"total_projects": len(projects), "total_pipelines": len(found), **figures})
