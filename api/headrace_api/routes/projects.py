"""`/projects`: making, reading, changing and deleting them, and how their runs went."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import JSONResponse

from headrace.cluster import Manifest
from headrace_api.bodies.envelope import Envelope, EnvelopeList
from headrace_api.bodies.problem import responses
from headrace_api.bodies.project import Project, ProjectIn, ProjectPatch, ProjectStatistics
from headrace_api.counting import run_figures
from headrace_api.deps import Needs, Services
from headrace_api.enveloping import envelope, envelope_list
from headrace_api.paging import NEWEST_FIRST, Limit, Offset, ordered, page, sorting
from headrace_api.reading import JsonRoute
from headrace_api.routes.parameters import LOCATION, ProjectId
from headrace_api.translate.projects import SORTABLE, show_members, show_project, show_statistics

router = APIRouter(prefix="/projects", tags=["projects"], route_class=JsonRoute)


@router.get("", summary="List projects", response_model=EnvelopeList[Project], responses=responses())
async def list_projects(
    needs: Needs,
    request: Request,
    owner: Annotated[str | None, Query(description="Only those of this owner.")] = None,
    sort: Annotated[str, sorting(*SORTABLE)] = NEWEST_FIRST,
    limit: Limit = 50,
    offset: Offset = 0,
) -> JSONResponse:
    """All projects, newest first, those made with `kubectl` too."""
    projects = [p for p in await needs.resources.projects.all() if owner is None or p["spec"].get("owner") == owner]
    names = {project["metadata"]["uid"]: project["metadata"]["name"] for project in projects}
    shown = ordered(map(show_project, projects), sort)
    members = await needs.resources.members()
    items = [
        {**project, "pipelines": show_members(members.get(names[project["id"]], ()))}
        for project in page(shown, limit=limit, offset=offset)
    ]
    return envelope_list(request, items, total=len(shown), limit=limit, offset=offset)


@router.post(
    "",
    summary="Make a project",
    status_code=201,
    response_model=Envelope[Project],
    responses=responses(409, body=True) | {201: {"headers": LOCATION}},
)
async def create_project(needs: Needs, request: Request, body: ProjectIn) -> JSONResponse:
    """Makes an EtlProject, whose name must be free."""
    project = await needs.projects.create(body.model_dump(mode="json"))
    headers = {"Location": f"{needs.settings.api_prefix}/projects/{project['metadata']['uid']}"}
    return envelope(request, await _shown(needs, project), status=201, headers=headers)


@router.get("/{project_id}", summary="Read a project", response_model=Envelope[Project], responses=responses(404))
async def get_project(needs: Needs, request: Request, project_id: ProjectId) -> JSONResponse:
    """One project with its pipelines, as it is now."""
    return envelope(request, await _shown(needs, await needs.resources.projects.find(project_id)))


@router.put(
    "/{project_id}",
    summary="Change a project",
    response_model=Envelope[Project],
    responses=responses(404, 409, body=True),
)
async def update_project(needs: Needs, request: Request, project_id: ProjectId, body: ProjectPatch) -> JSONResponse:
    """Changes the fields that are sent."""
    project = await needs.projects.change(project_id, body.model_dump(mode="json", exclude_unset=True))
    return envelope(request, await _shown(needs, project))


@router.delete(
    "/{project_id}",
    summary="Delete a project",
    status_code=204,
    response_class=Response,
    responses=responses(404, 409),
)
async def delete_project(needs: Needs, project_id: ProjectId) -> Response:
    """Deletes the project; not while there are pipelines in it."""
    await needs.projects.delete(project_id)
    return Response(status_code=204)


@router.get(
    "/{project_id}/statistics",
    summary="How a project's runs went",
    response_model=Envelope[ProjectStatistics],
    responses=responses(404),
)
async def get_project_statistics(needs: Needs, request: Request, project_id: ProjectId) -> JSONResponse:
    """How many pipelines and runs there are in the project, and how the runs went."""
    name = (await needs.resources.projects.find(project_id))["metadata"]["name"]
    found = [one for one in await needs.resources.all() if one.pipeline["spec"].get("project") == name]
    return envelope(request, show_statistics(len(found), await run_figures(needs.store, needs.scope, found)))


async def _shown(needs: Services, project: Manifest) -> dict[str, Any]:
    members = show_members(await needs.resources.pipelines_in(project))
    return {**show_project(project), "pipelines": members}
