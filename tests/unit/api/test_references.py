"""What names what: a pipeline by its id or name, its project, and the schedules that go with it."""

import asyncio
from datetime import UTC, datetime

import pytest

from headrace.cluster import Listing
from headrace.errors import ForbiddenError, InvalidError, NotFoundError, RefusedError
from headrace_api.auth.access import Access
from headrace_api.auth.authorizers import Unrestricted
from headrace_api.auth.callers import ANYBODY
from headrace_api.auth.rights import GET
from headrace_api.listing import Filters
from headrace_api.resources import Resources
from headrace_api.services.editing import Editor
from headrace_api.services.schedules import Schedules

PLACE = {"host": "db", "port": 5432, "database": "movies"}
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
            "etlsources": [made(3, "default", name="Default", type="postgres", **PLACE), made(4, "shop", name="Shop")],
            "etldestinations": [
                made(5, "default", name="Default", type="postgres", **PLACE),
                made(6, "index", name="Index", type="elasticsearch", host="es"),
                made(7, "here", name="Here", type="postgres", **PLACE | {"database": "target"}),
            ],
            "etlpipelines": [
                pipeline(11, "films", project="one"),
                pipeline(12, "lost", project="gone", source="gone", destination="gone"),
                pipeline(13, "free", source="shop"),
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


class MayNotSee:
    """Somebody who may do everything but read these; the names that were asked about."""

    def __init__(self, plural):
        self.plural = plural
        self.asked = []

    async def allows(self, caller, right):
        self.asked += [right.name] if right.plural == self.plural else []
        return (right.verb, right.plural) != (GET, self.plural)


def resources(kubernetes, authorizer=None):
    access = Access(ANYBODY, authorizer or Unrestricted(), namespace="headrace")
    return Resources(kubernetes).on_behalf_of(access)


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


@pytest.mark.parametrize(
    ("sent", "spec"),
    [
        ({"source_id": uid(4)}, {"source": "shop"}),
        ({"destination_id": uid(7)}, {"destination": "here"}),
        ({"destination_id": uid(6), "target_table": "es:films"}, {"destination": "index", "targetTable": "es:films"}),
        ({"source_id": None, "destination_id": None}, {}),
    ],
)
def test_a_pipeline_names_its_source_and_destination_by_id(kubernetes, sent, spec):
    async def change():
        editor = Editor(resources(kubernetes), allowed=("analytics.*", "es:films"), installation="default")
        return await editor.patch(uid(12), sent)

    changed = asyncio.run(change())
    kept = {name: changed.pipeline["spec"].get(name) for name in ("source", "destination")}
    wanted = {name: spec.get(name, None if f"{name}_id" in sent else "gone") for name in kept}
    assert kept == wanted
    assert {name: changed.shown()[name] for name in sent} == sent


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"source_id": uid(5)}, "source_id"),  # a destination's
        ({"source_id": "Shop"}, "source_id"),
        ({"source_id": ""}, "source_id"),
        ({"destination_id": uid(99)}, "destination_id"),
        ({"destination_id": uid(6)}, "destination_id"),
        ({"destination_id": uid(7), "target_table": "es:films"}, "destination_id"),
        ({"source_id": uid(3), "destination_id": uid(5), "source_table": "analytics.t"}, "source_table"),
    ],
)
def test_one_that_does_not_exist_or_fit_is_refused_by_its_field(kubernetes, sent, field):
    before = asyncio.run(kubernetes.get("etlpipelines", "free-resource"))
    editor = Editor(resources(kubernetes), allowed=("analytics.*", "es:films"), installation="default")
    with pytest.raises(InvalidError) as caught:
        asyncio.run(editor.patch(uid(13), sent))
    assert (caught.value.field, isinstance(caught.value, RefusedError)) == (field, False)
    assert asyncio.run(kubernetes.get("etlpipelines", "free-resource")) == before


@pytest.mark.parametrize(
    ("plural", "sent", "asked"),
    [
        ("etlsources", {"source_id": uid(3)}, ["default"]),
        ("etlsources", {"source_id": uid(99)}, [None]),
        ("etldestinations", {"destination_id": uid(7)}, ["here"]),
        ("etldestinations", {"destination_id": "x"}, [None]),
        ("etlsources", {"source_id": None, "batch_size": 7}, []),
        ("etldestinations", {"batch_size": 7}, []),
    ],
)
def test_only_who_may_see_one_names_it_and_others_do_not_learn_whether_it_is_there(kubernetes, plural, sent, asked):
    nosy = MayNotSee(plural)
    editor = Editor(resources(kubernetes, nosy), allowed=("analytics.*",), installation="default")
    if not asked:
        asyncio.run(editor.patch(uid(13), sent))
    else:
        with pytest.raises(ForbiddenError, match=f"may not get {plural}"):
            asyncio.run(editor.patch(uid(13), sent))
        base = {"name": "new", "target_table": "analytics.t", "source_query": "SELECT 1 AS id"}
        with pytest.raises(ForbiddenError, match=f"may not get {plural}"):
            asyncio.run(editor.create({**base, **sent}))
    assert nosy.asked == asked * 2


def test_one_that_is_gone_is_shown_as_none_and_stays_what_the_resource_says(kubernetes):
    async def read_and_change():
        there = resources(kubernetes)
        shown = {one.pipeline["spec"]["name"]: one.shown()["source_id"] for one in await there.all()}
        editor = Editor(there, allowed=("analytics.*",), installation="default")
        return shown, await editor.patch(uid(12), {"batch_size": 7})

    shown, changed = asyncio.run(read_and_change())
    assert shown == {"films": None, "lost": None, "free": uid(4)}
    assert changed.pipeline["spec"].items() >= {"source": "gone", "destination": "gone", "batchSize": 7}.items()


def test_what_was_read_of_a_pipeline_whose_ends_are_gone_does_not_move_it_to_the_defaults(kubernetes):
    async def read_and_replace(**more):
        editor = Editor(resources(kubernetes), allowed=("analytics.*",), installation="default")
        base = {"name": "lost", "target_table": "analytics.t", "source_query": "SELECT 1 AS id"}
        return await editor.replace(uid(12), {**base, **more})

    named = {"source_id": uid(4), "destination_id": uid(7)}
    for field, end in (("source_id", "source"), ("destination_id", "destination")):
        for sent in ({field: None}, {}):
            others = {name: value for name, value in named.items() if name != field}
            with pytest.raises(InvalidError, match=f"{end} 'gone' is missing: name one") as caught:
                asyncio.run(read_and_replace(**others, **sent))
            assert caught.value.field == field
    assert asyncio.run(kubernetes.get("etlpipelines", "lost-resource"))["spec"]["source"] == "gone"
    assert asyncio.run(read_and_replace(**named)).shown().items() >= named.items()
    # These are there: null leads to the default.
    back = asyncio.run(read_and_replace(source_id=None)).pipeline["spec"]
    assert not back.keys() & {"source", "destination"}


def test_ends_that_do_not_fit_any_more_hinder_no_other_change(kubernetes):
    """Somebody changed the destination's type by kubectl."""
    lost = asyncio.run(kubernetes.get("etlpipelines", "lost-resource"))
    lost["spec"] |= {"source": "shop", "destination": "index"}
    editor = Editor(resources(kubernetes), allowed=("analytics.*",), installation="default")
    assert asyncio.run(editor.patch(uid(12), {"enabled": False})).shown()["enabled"] is False
    for sent in ({"source_id": uid(3)}, {"destination_id": None, "target_table": "es:films"}):
        with pytest.raises(InvalidError):
            asyncio.run(editor.patch(uid(12), sent))
    assert asyncio.run(editor.patch(uid(12), {"destination_id": uid(7)})).shown()["destination_id"] == uid(7)


def test_pipelines_are_found_by_what_they_use_also_as_the_default(kubernetes):
    async def listed(**ends):
        there = resources(kubernetes)
        shown = [one.shown() | there.used(one.pipeline) for one in await there.all()]
        return {one["name"] for one in shown if Filters(**ends).take(one)}

    assert asyncio.run(listed(source_id=uid(3))) == {"films"}
    assert asyncio.run(listed(source_id=uid(4))) == {"free"}
    assert asyncio.run(listed(destination_id=uid(5))) == {"films", "free"}
    assert asyncio.run(listed(destination_id=uid(6))) == set()


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
