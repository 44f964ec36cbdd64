"""Previews, between a Kubernetes where an operator answers at once and a real store: what is asked and kept."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from tests.integration.api.conftest import NOBODY

from headrace.cluster import Listing
from headrace.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    LateError,
    NotFoundError,
    RefusedError,
    UnavailableError,
)
from headrace.runspec import RunSpec
from headrace.store.progress import DONE, FAILED, Progress, Reporter, report
from headrace.store.records import RunRecord
from headrace.store.store import Store
from headrace_api.auth.access import Access
from headrace_api.auth.authorizers import Unrestricted
from headrace_api.auth.callers import ANYBODY
from headrace_api.bodies.preview import PreviewIn
from headrace_api.resources import Resources
from headrace_api.services.executions import Executions
from headrace_api.services.previewing import Previewer

SCOPE = ("i", "n")
SHOP, DEFAULT, INDEX = str(uuid4()), str(uuid4()), str(uuid4())
TABLES = {"tables": [{"schema": "shop", "name": "orders"}], "truncated": False}
ROWS = {"columns": [{"name": "id", "type": "bigint"}], "rows": [["1"]], "truncated": False}
QUERY = PreviewIn(source_query="SELECT id FROM shop.orders").model_dump(mode="json")
Answer = Callable[[dict[str, Any]], Any]


def resource(name, uid, **spec):
    metadata = {"name": name, "uid": uid, "resourceVersion": "1", "creationTimestamp": "2026-03-01T12:00:00Z"}
    return {"metadata": metadata, "spec": {"name": name, **spec}}


class Kubernetes:
    """Two sources and a search engine; `answer` is what the operator makes of each run that is created."""

    def __init__(self, answer: Answer):
        self.answer = answer
        self.version = 10
        self.asked = asyncio.Event()
        self.kept: dict[str, list[dict[str, Any]]] = {
            "etlsources": [resource("default", DEFAULT), resource("shop-1", SHOP)],
            "etldestinations": [resource("index", INDEX, type="elasticsearch", host="es")],
        }

    @property
    def runs(self):
        return self.kept.setdefault("etlruns", [])

    async def list(self, plural, *, field_selector=""):
        return Listing(list(self.kept.get(plural, [])), str(self.version))

    async def get(self, plural, name):
        return next((one for one in self.kept.get(plural, []) if one["metadata"]["name"] == name), None)

    async def create(self, plural, body):
        self.version += 1
        metadata = {**body["metadata"], "uid": str(uuid4()), "resourceVersion": str(self.version)}
        made = {**body, "metadata": metadata | {"creationTimestamp": datetime.now(UTC).isoformat()}}
        self.runs.append(made)
        self.asked.set()
        asyncio.get_running_loop().call_later(0.05, lambda: asyncio.ensure_future(self._act(made)))
        return made

    async def _act(self, made):
        status = await self.answer(made)
        if status is None:
            self.runs[:] = [run for run in self.runs if run["metadata"]["uid"] != made["metadata"]["uid"]]
            return
        self._put({**made, "status": status})

    async def patch(self, plural, name, patch, *, resource_version=None):
        before = await self.get(plural, name)
        return self._put({**before, "spec": {**before["spec"], **patch["spec"]}})

    def _put(self, run):
        self.version += 1
        after = {**run, "metadata": {**run["metadata"], "resourceVersion": str(self.version)}}
        self.runs[:] = [after if one["metadata"]["name"] == run["metadata"]["name"] else one for one in self.runs]
        return after


@pytest.fixture
async def store(store_database):
    store = Store(store_database)
    yield store
    await store.close()


@pytest.fixture
def no_store():
    """For those who are not to ask it."""
    return Store(f"postgresql://{NOBODY}/store")


@pytest.fixture
def finds(store, store_database):
    """An operator whose runner finds this."""

    def making(result, outcome=DONE):
        async def answer(made):
            uid, metadata = made["metadata"]["uid"], made["metadata"]
            preview = made["spec"]["preview"]
            record = RunRecord(
                run_id=uid, installation="i", namespace="n", pipeline_uid=uid, pipeline_name="", kind="Preview",
                run_name=metadata["name"], status="RUNNING", created_at=datetime.now(UTC),
            )  # fmt: skip
            spec = RunSpec(
                run_id=uid, installation="i", namespace="n", pipeline_name="", pipeline_uid=uid, kind="Preview",
                query=preview.get("sourceQuery", ""), source=preview["source"], target_schema="", target_table="",
            )  # fmt: skip
            await store.save_run(record, spec)
            with psycopg.connect(store_database) as runner:
                report(
                    runner,
                    spec,
                    Reporter(run_id=uid, epoch=1, holder=1),
                    Progress(sequence=1, outcome=outcome, result=result),
                )
            return {"phase": "SUCCESS"} if outcome == DONE else {"phase": "FAILED", "errorMessage": "It failed (22P02)"}

        return answer

    return making


def says(status) -> Answer:
    async def answer(_):
        return status

    return answer


async def there():
    return False


async def left():
    return True


class MayNotSee:
    """Somebody who may do everything but read this one."""

    def __init__(self, plural, name):
        self.hidden = ("get", plural, name)

    async def allows(self, caller, right):
        return (right.verb, right.plural, right.name) != self.hidden


def previewer(kubernetes, store, *, seconds=5.0, authorizer=None):
    access = Access(ANYBODY, authorizer or Unrestricted(), namespace="n")
    resources = Resources(kubernetes).on_behalf_of(access)
    return Previewer(resources, store, scope=SCOPE, allowed=("analytics.*", "es:*"), wait_seconds=seconds)


async def test_the_tables_of_a_source_are_looked_for_once_a_minute_and_anew_when_asked_to(store, finds):
    kubernetes = Kubernetes(finds(TABLES))
    for refresh, made in ((False, 1), (False, 1), (True, 2), (False, 2)):
        found = await previewer(kubernetes, store).tables(SHOP, refresh=refresh, left=there)
        assert (found, len(kubernetes.runs)) == (TABLES, made)
    assert {run["spec"]["preview"]["source"] for run in kubernetes.runs} == {"shop-1"}


async def test_a_source_that_was_changed_is_looked_at_again(store, finds):
    kubernetes = Kubernetes(finds(TABLES))
    await previewer(kubernetes, store).tables(SHOP, refresh=False, left=there)
    changed = {"headrace.dev/updated-at": datetime.now(UTC).isoformat()}
    kubernetes.kept["etlsources"][1]["metadata"]["annotations"] = changed
    await previewer(kubernetes, store).tables(SHOP, refresh=False, left=there)
    assert len(kubernetes.runs) == 2


async def test_those_who_ask_at_once_wait_for_one_look(store, finds):
    kubernetes = Kubernetes(finds(TABLES))
    first = asyncio.create_task(previewer(kubernetes, store).tables(SHOP, refresh=False, left=there))
    await kubernetes.asked.wait()
    others = [previewer(kubernetes, store).tables(SHOP, refresh=False, left=there) for _ in range(3)]
    assert await asyncio.gather(first, *others) == [TABLES] * 4
    assert len(kubernetes.runs) == 1


async def test_rows_are_shown_and_nothing_of_them_is_kept_in_the_resource(store, finds):
    kubernetes = Kubernetes(finds(ROWS))
    shown = await previewer(kubernetes, store).rows({**QUERY, "source_id": SHOP}, there)
    assert shown.items() >= {**ROWS, "target": None}.items()
    (run,) = kubernetes.runs
    assert run["spec"]["preview"]["source"] == "shop-1"
    assert "rows" not in str(run.get("status"))


async def test_without_a_source_it_is_the_default_one(store, finds):
    kubernetes = Kubernetes(finds(ROWS))
    await previewer(kubernetes, store).rows(QUERY, there)
    assert kubernetes.runs[0]["spec"]["preview"]["source"] == "default"
    kubernetes.kept["etlsources"].pop(0)
    with pytest.raises(InvalidError, match="source_id is needed: the installation has no default source") as caught:
        await previewer(kubernetes, store).rows(QUERY, there)
    assert caught.value.field == "source_id"


REFUSED = {
    "an unknown source": ({"source_id": str(uuid4())}, InvalidError, "source_id"),
    "an unknown destination": ({"destination_id": "x"}, InvalidError, "destination_id"),
    "a search engine for a table": (
        {"destination_id": INDEX, "target_table": "analytics.t"},
        InvalidError,
        "destination_id",
    ),
    "no select": ({"source_query": "DELETE FROM x"}, InvalidError, "source_query"),
    "a target that is not allowed": ({"target_table": "public.t"}, RefusedError, "target_table"),
}


@pytest.mark.parametrize(("fields", "error", "field"), REFUSED.values(), ids=REFUSED.keys())
async def test_what_is_wrong_with_it_is_said_before_anything_is_made(no_store, fields, error, field):
    kubernetes = Kubernetes(says({"phase": "SUCCESS"}))
    with pytest.raises(InvalidError) as caught:
        await previewer(kubernetes, no_store).rows({**QUERY, **fields}, there)
    assert (type(caught.value), caught.value.field, kubernetes.runs) == (error, field, [])


TABLE, NEW_INDEX = {"target_table": "analytics.t"}, {"target_table": "es:t"}
HIDDEN = {
    "the default source": ({}, ("etlsources", "default")),
    "a source": ({"source_id": SHOP}, ("etlsources", "shop-1")),
    "a source that is not there": ({"source_id": str(uuid4())}, ("etlsources", None)),
    "the default destination": (TABLE, ("etldestinations", "default")),
    "the default search engine": (NEW_INDEX, ("etldestinations", "elasticsearch")),
    "a destination": (NEW_INDEX | {"destination_id": INDEX}, ("etldestinations", "index")),
    "a destination without a target": ({"destination_id": INDEX}, ("etldestinations", "index")),
    "a destination that is not there": ({"destination_id": str(uuid4())}, ("etldestinations", None)),
}


@pytest.mark.parametrize(("fields", "hidden"), HIDDEN.values(), ids=HIDDEN.keys())
async def test_who_may_not_see_one_end_is_shown_nothing_of_it(no_store, fields, hidden):
    kubernetes = Kubernetes(says({"phase": "SUCCESS"}))
    with pytest.raises(ForbiddenError, match=f"may not get {hidden[0]}"):
        await previewer(kubernetes, no_store, authorizer=MayNotSee(*hidden)).rows({**QUERY, **fields}, there)
    assert kubernetes.runs == []


async def test_without_a_target_nobody_needs_to_see_a_destination(store, finds):
    kubernetes = Kubernetes(finds(ROWS))
    blind = MayNotSee("etldestinations", "default")
    assert (await previewer(kubernetes, store, authorizer=blind).rows(QUERY, there))["target"] is None


def failed(reason, message):
    condition = {"type": "Failed", "status": "True", "reason": reason, "message": message}
    return {"phase": "FAILED", "errorMessage": message, "conditions": [condition]}


ENDS = {
    "what the database says": (
        {"phase": "FAILED", "errorMessage": 'column "x" does not exist'},
        RefusedError,
        'column "x"',
    ),
    "nothing is said": ({"phase": "FAILED"}, RefusedError, "The preview failed"),
    "no turn came": (failed("WaitingForSlot", "other previews are at work"), LateError, "other previews are at work"),
    "the store is away": (failed("WaitingForStore", "the store is away"), UnavailableError, "the store is away"),
    "cancelled": ({"phase": "CANCELLED"}, ConflictError, "by somebody else"),
    "removed": (None, ConflictError, "by somebody else"),
    "never begun": (
        {"conditions": [{"type": "Running", "message": "2 runs are at work"}]},
        LateError,
        "2 runs are at work",
    ),
    "too slow": ({"phase": "RUNNING", "startedAt": "2026-03-01T12:00:00Z"}, LateError, "not done within 0.5 s"),
}


@pytest.mark.parametrize(("status", "error", "words"), ENDS.values(), ids=ENDS.keys())
async def test_a_preview_that_shows_nothing_says_why(store, status, error, words):
    kubernetes = Kubernetes(says(status))
    for ask in (
        previewer(kubernetes, store, seconds=0.5).rows(QUERY, there),
        previewer(kubernetes, store, seconds=0.5).tables(SHOP, refresh=True, left=there),
    ):
        with pytest.raises(error) as caught:
            await ask
        assert words in caught.value.message
    cancelled = [bool(run["spec"].get("cancel")) for run in kubernetes.runs]
    # A list of tables is kept for those who ask next.
    is_over = status is None or status.get("phase") in {"FAILED", "CANCELLED"}
    assert cancelled == ([] if status is None else [not is_over, False])


@pytest.mark.parametrize("result", [{"error": 'It failed (22P02): "Ann" is no number'}, None])
async def test_whoever_asked_is_told_what_the_status_leaves_out(store, finds, result):
    kubernetes = Kubernetes(finds(result, FAILED))
    with pytest.raises(RefusedError) as caught:
        await previewer(kubernetes, store).rows(QUERY, there)
    assert caught.value.message == (result["error"] if result else "It failed (22P02)")


async def test_rows_that_nobody_waits_for_any_more_are_not_looked_for(no_store):
    kubernetes = Kubernetes(says({"phase": "RUNNING"}))
    with pytest.raises(LateError):
        await previewer(kubernetes, no_store).rows(QUERY, left)
    assert kubernetes.runs[0]["spec"]["cancel"] is True


async def test_rows_are_not_looked_for_any_more_when_the_request_is_ended(no_store):
    kubernetes = Kubernetes(says({"phase": "RUNNING"}))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await previewer(kubernetes, no_store, seconds=60).rows(QUERY, there)
    assert kubernetes.runs[0]["spec"]["cancel"] is True


async def test_a_source_that_is_not_there_has_no_tables(no_store):
    kubernetes = Kubernetes(says({}))
    for uid in (str(uuid4()), "no uid", INDEX):
        with pytest.raises(NotFoundError, match="Source not found"):
            await previewer(kubernetes, no_store).tables(uid, refresh=False, left=there)
    assert kubernetes.runs == []


async def test_a_preview_is_no_run_that_can_be_read(store, finds):
    kubernetes = Kubernetes(finds(TABLES))
    await previewer(kubernetes, store).tables(SHOP, refresh=False, left=there)
    executions = Executions(Resources(kubernetes), store, scope=SCOPE)
    uid = kubernetes.runs[0]["metadata"]["uid"]
    for _ in ("by its resource", "by the store"):
        with pytest.raises(NotFoundError, match="Run not found"):
            await executions.get(uid)
        kubernetes.runs.clear()
