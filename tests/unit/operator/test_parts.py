"""The small parts of the operator: patches, slots, the index, the probes."""

import asyncio
import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace import names
from headrace.cluster.patches import merge_patch
from headrace.lifecycle.holds import Holds
from headrace_operator.index import Index
from headrace_operator.pipelines.slots import Slots
from headrace_operator.probes import Probes

VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.text(max_size=3), st.lists(st.integers(), max_size=2)),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=4)


def apply_patch(target, patch):
    """RFC 7386, as it stands there."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = apply_patch(result.get(name), value)
    return result


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_makes_the_one_out_of_the_other(old, new):
    assert apply_patch(old, merge_patch(old, new)) == new


@given(OBJECTS)
def test_between_equals_there_is_nothing_to_patch(value):
    assert merge_patch(value, value) == {}


def test_those_who_wait_for_a_slot_are_woken_in_their_order_as_far_as_there_is_room():
    woken: list[str] = []
    slots = Slots(2, woken.append)
    slots.settle("a", Holds(at_work=frozenset({"a1"})))
    slots.settle("b", Holds(at_work=frozenset({"b1"})))
    for name in ("c", "d", "e"):
        slots.settle(name, Holds(waits_for_slot=True))
    assert woken == []
    slots.settle("a", Holds())
    assert woken == ["c"]
    assert slots.elsewhere("a") == 1


def test_the_longest_wait_is_that_of_the_first_who_waits():
    at = [10.0]
    slots = Slots(1, lambda _: None, clock=lambda: at[0])
    assert slots.longest_wait == 0
    slots.settle("a", Holds(waits_for_slot=True))
    at[0] = 15.0
    slots.settle("b", Holds(waits_for_slot=True))
    slots.settle("a", Holds(waits_for_slot=True))
    assert slots.longest_wait == 5
    slots.settle("a", Holds(at_work=frozenset({"a1"})))
    assert slots.longest_wait == 0


def pipeline(uid, shown, *, version="1", created="2026-01-01T00:00:00Z"):
    metadata = {"name": f"name-{uid}", "uid": uid, "resourceVersion": version, "creationTimestamp": created}
    return {"metadata": metadata, "spec": {"name": shown}}


def test_what_was_seen_before_is_no_news():
    index = Index()
    assert index.put(names.PIPELINE_PLURAL, pipeline("a", "Films"))
    assert not index.put(names.PIPELINE_PLURAL, pipeline("a", "Films"))
    assert index.put(names.PIPELINE_PLURAL, pipeline("a", "Films", version="2"))


def test_the_older_of_two_pipelines_with_one_name_has_no_older_one():
    index = Index()
    older = pipeline("b", "Films")
    younger = pipeline("a", "Films", created="2026-01-02T00:00:00Z")
    for each in (older, younger, pipeline("c", "Other")):
        index.put(names.PIPELINE_PLURAL, each)
    assert (index.older_namesake(younger), index.older_namesake(older)) == ("name-b", None)
    index.put(names.PIPELINE_PLURAL, pipeline("b", "Renamed", version="2"))
    assert index.older_namesake(younger) is None


@dataclasses.dataclass
class Health:
    problem: str | None = None

    def __call__(self) -> str | None:
        return self.problem


async def ask(port: int, path: str) -> tuple[int, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    return int(answer.split(" ")[1]), answer.partition("\r\n\r\n")[2]


@pytest.mark.parametrize(
    ("path", "status", "start"),
    [("/livez", 200, "ok"), ("/readyz/", 503, "reading"), ("/metrics", 200, "# HELP"), ("/x", 404, "not found")],
)
async def test_probes_answer(unused_tcp_port, path, status, start):
    probes = Probes(is_alive=Health(), is_ready=Health("reading what there is"))
    serving = asyncio.create_task(probes.run("127.0.0.1", unused_tcp_port))
    await asyncio.sleep(0.05)
    got, body = await ask(unused_tcp_port, path)
    assert (got, body.startswith(start)) == (status, True)
    serving.cancel()


def schedule(uid, pipeline, *, version="1", created="2026-01-01T00:00:00Z"):
    metadata = {"name": "nightly", "uid": uid, "resourceVersion": version, "creationTimestamp": created}
    return {"metadata": metadata, "spec": {"pipeline": pipeline}, "status": {"missed": 1}}


def test_resources_are_found_by_what_names_them():
    index = Index()
    index.put(names.SCHEDULE_PLURAL, schedule("a", "films"))
    assert [s["status"] for s in index.find(names.SCHEDULE_PLURAL, "spec.pipeline", "films")] == [{"missed": 1}]
    index.put(names.SCHEDULE_PLURAL, schedule("a", "actors", version="2"))
    assert index.find(names.SCHEDULE_PLURAL, "spec.pipeline", "films") == []
    index.remove(names.SCHEDULE_PLURAL, "a")
    assert index.named(names.SCHEDULE_PLURAL, "nightly") is None


def test_of_two_of_one_name_the_newer_is_there():
    """The deletion of the other was not told yet."""
    index = Index()
    index.put(names.SCHEDULE_PLURAL, schedule("new", "films", created="2026-01-02T00:00:00Z"))
    index.put(names.SCHEDULE_PLURAL, schedule("old", "films"))
    found = index.named(names.SCHEDULE_PLURAL, "nightly")
    assert found is not None
    assert found["metadata"]["uid"] == "new"


def test_an_event_that_comes_after_the_answer_to_a_later_write_is_no_news():
    index = Index()
    assert index.put(names.SCHEDULE_PLURAL, schedule("a", "films", version="10"))
    assert not index.put(names.SCHEDULE_PLURAL, schedule("a", "films", version="9"))


def test_whoever_listens_hears_of_each_change_once_whoever_saw_it():
    index = Index()
    heard = []
    index.put(names.SCHEDULE_PLURAL, schedule("a", "films"))
    index.listen(lambda _, before, after: heard.append((before is None, after is None)))
    for version in ("2", "2", "1"):
        index.put(names.SCHEDULE_PLURAL, schedule("a", "films", version=version))
    for _ in range(2):
        index.remove(names.SCHEDULE_PLURAL, "a")
    assert heard == [(False, False), (False, True)]


def test_a_project_that_is_being_deleted_is_none():
    index = Index()
    project = pipeline("sales", "Sales")
    index.put(names.PROJECT_PLURAL, project)
    assert index.project_named("name-sales")
    gone = {**project["metadata"], "resourceVersion": "2", "deletionTimestamp": "2026-01-01T00:00:00Z"}
    index.put(names.PROJECT_PLURAL, {**project, "metadata": gone})
    assert not index.project_named("name-sales")
