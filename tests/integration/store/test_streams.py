"""Streams among all runs, and runs that are asked for by their ids."""

from typing import Any
from uuid import uuid4

import pytest
from tests.integration.store.conftest import NewRun

from headrace.store.store import Store


async def test_streams_are_listed_and_counted_among_all_runs(store: Store, new_run: NewRun) -> None:
    """Those of the namespace, whether they have ended or not."""
    streams = [new_run(minutes=number, is_stream=True) for number in range(3)]
    others = [new_run(minutes=number) for number in range(3)]
    for record in (*streams, *others, new_run(is_stream=True, namespace="elsewhere")):
        await store.save_run(record)
    scope, uids = (streams[0].installation, streams[0].namespace), [streams[0].pipeline_uid]
    oldest_first = [record.run_id for record in streams]
    for sort, expected in (("created_at", oldest_first), ("-created_at", oldest_first[::-1])):
        found = await store.list_all_runs(scope, streams=True, pipeline_uids=uids, sort=sort, limit=10)
        assert [record.run_id for record in found] == expected
    assert await store.count_all_runs(scope, streams=True) == 3
    assert await store.count_all_runs(scope, streams=True, pipeline_uids=uids, status="PENDING") == 3
    assert await store.count_all_runs(scope, streams=True, status="SUCCESS") == 0
    assert await store.count_all_runs(scope) == 6


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("status", [None, "PENDING"])
@pytest.mark.parametrize("by_pipeline", [False, True])
async def test_what_the_caller_knows_better_is_left_out(
    store: Store, new_run: NewRun, streams: bool, status: str | None, by_pipeline: bool
) -> None:
    """Counted and paged as if the store had none of them."""
    runs = [new_run(minutes=number, is_stream=True) for number in range(5)]
    for record in (*runs, new_run(kind="Reconcile", is_stream=True)):
        await store.save_run(record)
    scope = (runs[0].installation, runs[0].namespace)
    asked: dict[str, Any] = {
        "streams": streams,
        "status": status,
        "pipeline_uids": [runs[0].pipeline_uid] if by_pipeline else None,
        "without": [runs[1].run_id, runs[3].run_id, str(uuid4())],
    }
    assert await store.count_all_runs(scope, **asked) == 3
    pages = [await store.list_all_runs(scope, **asked, limit=2, offset=offset) for offset in (0, 2)]
    assert [record.run_id for page in pages for record in page] == [runs[n].run_id for n in (4, 2, 0)]


async def test_runs_are_found_by_their_ids_in_their_namespace(store: Store, new_run: NewRun) -> None:
    here, reconcile, elsewhere = new_run(), new_run(kind="Reconcile"), new_run(namespace="elsewhere")
    for record in (here, reconcile, elsewhere):
        await store.save_run(record)
    scope = (here.installation, here.namespace)
    asked = [here.run_id, reconcile.run_id, elsewhere.run_id, str(uuid4()), "no-uuid"]
    assert {record.run_id for record in await store.get_runs(scope, asked)} == {here.run_id, reconcile.run_id}
    assert await store.get_runs(scope, []) == []
