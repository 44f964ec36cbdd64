"""What names what: a pipeline by its id or name, its project, and the schedules that go with it."""

import asyncio
from datetime import UTC, datetime

import pytest

from headrace.cluster import Listing
from headrace.errors import InvalidError, NotFoundError
from headrace_api.auth.access import Access
from headrace_api.auth.authorizers import Unrestricted
from headrace_api.auth.callers import ANYBODY
from headrace_api.editing import Editor
from headrace_api.resources import Resources
from headrace_api.schedules import Schedules

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def uid(number):
    return f"00000000-0000-0000-0000-{number:012}"


def made(number, resource, *, owner=None, **spec):
    metadata = {
        "name": resource, "uid": uid(number), "resourceVersion": str(number),
        "creationTimestamp": "2026-03-01T11:00:00Z",
        "ownerReferences": [{"kind": "EtlPipeline", "uid": uid(owner)}] if owner else [],
    }  # fmt: skip
    return {"metadata": metadata, "spec": spec}


def pipeline(number, name, **spec):
    base = {"name": name, "targetTable": "analytics.t", "sourceQuery": "SELECT 1 AS id"}
    return made(number, f"{name}-resource", **base, **spec)


class Kubernetes:
    """Two projects; a pipeline in the first, one in a project that is gone, and one in none; schedules of each kind."""

    def __init__(self):
        timing = {"kind": "CRON", "expression": "0 2 * * *"}
        self.kept = {
            "etlprojects": [made(1, "one", name="One"), made(2, "two", name="Two")],
            "etlpipelines": [
                pipeline(11, "films", project="one"), pipeline(12, "lost", project="gone"), pipeline(13, "free"),
            ],
            "etlschedules": [
                made(21, "a", owner=11, pipeline="films-resource", **timing),
                made(22, "b", pipeline="free-resource", **timing),  # not adopted yet
                made(23, "c", owner=99, pipeline="films-resource", **timing),  # of a namesake that was deleted
                made(24, "d", pipeline="nobody", **timing),
            ],
            "etlruns": [],
        }  # fmt: skip

    async def list(self, plural, *, field_selector=""):
        path, _, wanted = field_selector.partition("=")
        name = path.removeprefix("spec.")
        found = [r for r in self.kept[plural] if not path or str(r["spec"].get(name, "")) == wanted]
        return Listing(found, "100")

    async def get(self, plural, name):
        return next((r for r in self.kept[plural] if r["metadata"]["name"] == name), None)

    async def delete(self, plural, name, *, uid, resource_version):
        if not any(r["metadata"]["uid"] == uid for r in self.kept[plural]):
            raise NotFoundError("gone")
        self.kept[plural] = [r for r in self.kept[plural] if r["metadata"]["uid"] != uid]

    async def patch(self, plural, name, patch, *, resource_version=None):
        before = await self.get(plural, name)
        spec = {k: v for k, v in {**before["spec"], **patch["spec"]}.items() if v is not None}
        after = {"metadata": {**before["metadata"], "resourceVersion": "200"}, "spec": spec}
        self.kept[plural] = [after if r is before else r for r in self.kept[plural]]
        return after


def resources(kubernetes):
    return Resources(kubernetes).on_behalf_of(Access(ANYBODY, Unrestricted(), namespace="headrace"))


@pytest.fixture
def kubernetes():
    return Kubernetes()


@pytest.mark.parametrize(
    ("named", "project", "field"),
    [
        (uid(11), None, None), ("films", None, None), ("films", uid(1), None), (uid(11), uid(1), None),
        ("free", None, None), ("films", uid(2), "pipeline_id"), (uid(13), uid(1), "pipeline_id"),
        ("nobody", None, "pipeline_id"), (uid(99), None, "pipeline_id"), ("", None, "pipeline_id"),
        ("x" * 300, None, "pipeline_id"), ("films", uid(99), "project_id"), ("films", "One", "project_id"),
    ],
)  # fmt: skip
def test_a_pipeline_is_named_by_id_or_name_within_its_project(kubernetes, named, project, field):
    async def find():
        there = resources(kubernetes)
        within = await there.find_project(project) if project else None
        return await there.find_in_project(named, within)

    if field is None:
        assert asyncio.run(find())["metadata"]["uid"] in {uid(11), uid(13)}
        return
    with pytest.raises(InvalidError) as caught:
        asyncio.run(find())
    assert caught.value.field == field


def test_a_project_that_is_gone_is_shown_as_none_and_stays_what_the_resource_says(kubernetes):
    async def read_and_change():
        there = resources(kubernetes)
        shown = {one.pipeline["spec"]["name"]: one.shown()["project_id"] for one in await there.all()}
        editor = Editor(there, allowed=("analytics.*",), installation="default")
        return shown, await editor.patch(uid(12), {"batch_size": 7})

    shown, changed = asyncio.run(read_and_change())
    assert shown == {"films": uid(1), "lost": None, "free": None}
    assert changed.shown()["project_id"] is None
    assert changed.pipeline["spec"].items() >= {"project": "gone", "batchSize": 7}.items()


@pytest.mark.parametrize(("project", "name"), [(uid(2), "two"), (None, None)])
def test_a_pipeline_changes_its_project_by_id(kubernetes, project, name):
    async def change():
        editor = Editor(resources(kubernetes), allowed=("analytics.*",), installation="default")
        return await editor.patch(uid(11), {"project_id": project})

    changed = asyncio.run(change())
    assert (changed.shown()["project_id"], changed.pipeline["spec"].get("project")) == (project, name)


def test_a_schedule_whose_pipeline_is_gone_is_gone(kubernetes):
    async def look():
        schedules = Schedules(resources(kubernetes), installation="default")
        shown = [found.shown(NOW) for found in await schedules.all()]
        with pytest.raises(NotFoundError, match="Schedule not found"):
            await schedules.find(uid(23))
        return {one["id"]: (one["pipeline_id"], one["project_id"]) for one in shown}

    # One whose pipeline was never there waits for it.
    assert asyncio.run(look()) == {uid(21): (uid(11), uid(1)), uid(22): (uid(13), None), uid(24): (None, None)}


def test_a_pipeline_takes_its_schedules_along_at_once(kubernetes):
    async def delete():
        there = resources(kubernetes)
        await Editor(there, allowed=("analytics.*",), installation="default").delete(uid(13))
        return {found.id for found in await Schedules(there, installation="default").all()}

    assert asyncio.run(delete()) == {uid(21), uid(24)}
    assert uid(22) not in {schedule["metadata"]["uid"] for schedule in kubernetes.kept["etlschedules"]}


def test_a_pipeline_leaves_the_schedules_of_a_namesake_alone(kubernetes):
    """One of its name may be there by the time its schedules are looked for."""
    editor = Editor(resources(kubernetes), allowed=("analytics.*",), installation="default")
    asyncio.run(editor.delete(uid(11)))
    assert {schedule["metadata"]["uid"] for schedule in kubernetes.kept["etlschedules"]} == {uid(22), uid(23), uid(24)}
