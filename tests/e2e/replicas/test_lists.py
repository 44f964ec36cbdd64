"""Lists of pipelines and of runs: what is in them at once, in which order, page by page."""

import asyncio
import uuid
from typing import Any

import httpx
from tests.e2e.replicas.conftest import Body

from headrace.store.records import RunRecord
from headrace_api.times import parse

NEVER = "never by this installation"


async def test_a_list_shows_at_once_what_its_replica_wrote_and_soon_what_the_other_did(facade):
    made = await facade.pipeline()
    run = (await facade.one.post(f"/pipelines/{made['id']}/run")).json()

    async def listed(client: httpx.AsyncClient) -> list[Body]:
        answer = await client.get("/pipelines", params={"q": made["name"].upper()})
        assert answer.headers["X-Total-Count"] == str(len(answer.json()))
        return answer.json()

    shown = {k: v for k, v in run.items() if k not in ("run_id", "pipeline_id")}
    assert await listed(facade.one) == [shown]
    async with asyncio.timeout(2):
        while await listed(facade.two) != [shown]:  # noqa: ASYNC110  # the other replica tells nobody
            await asyncio.sleep(0.02)
    assert (await facade.one.delete(f"/pipelines/{made['id']}")).status_code == 204
    assert await listed(facade.one) == []
    assert (await facade.two.get(f"/pipelines/{made['id']}")).status_code == 404
    assert (await facade.one.post(f"/pipelines/{made['id']}/run")).status_code == 404


async def test_lists_are_sorted_and_paged(facade):
    prefix = uuid.uuid4().hex
    made = [await facade.pipeline(name=f"{prefix} {n}") for n in (2, 0, 1)]

    async def names(**params: Any) -> list[str]:
        answer = await facade.one.get("/pipelines", params={"q": prefix, **params})
        assert answer.headers["X-Total-Count"] == "3"
        return [p["name"][-1] for p in answer.json()]

    assert await names() == [p["name"][-1] for p in reversed(made)]
    assert await names(sort="name") == ["0", "1", "2"]
    assert await names(sort="-name", limit=1, offset=1) == ["1"]
    assert await names(offset=7) == []


async def test_runs_are_the_stores_rows_and_the_resources_that_it_lacks(facade, namespace):
    made = await facade.pipeline()
    url = f"/pipelines/{made['id']}"
    for n in range(5):
        record = RunRecord(
            run_id=str(uuid.uuid4()), installation=NEVER, namespace=namespace, pipeline_uid=made["id"],
            pipeline_name="x", run_name=f"r{n}", kind="Load", status="SUCCESS",
            created_at=parse(f"2026-01-01T00:00:0{n}Z"), finished_at=parse("2026-01-01T00:01:00Z"),
        )  # fmt: skip
        await facade.store.save_run(record)
    run_id = (await facade.one.post(f"{url}/run")).json()["run_id"]

    async def page(**params: int) -> list[str]:
        answer = await facade.two.get(f"{url}/runs", params=params)
        assert answer.headers["X-Total-Count"] == "6"
        return [run["created_at"][-3:-1] if run["id"] != run_id else "new" for run in answer.json()]

    assert await page() == ["new", "04", "03", "02", "01", "00"]
    assert await page(limit=2) == ["new", "04"]
    assert await page(limit=2, offset=1) == ["04", "03"]
    assert await page(limit=9, offset=5) == ["00"]
    assert await page(offset=6) == []
