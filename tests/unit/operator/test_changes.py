"""What the operator does about a change of a source: who waits for a connection to it is looked at."""

import pytest

from headrace import names
from headrace.lifecycle.holds import Holds
from headrace_operator.main import Operator
from headrace_operator.settings import Settings


def source(version, connections):
    metadata = {
        "name": "shop", "uid": "s", "resourceVersion": str(version), "generation": version,
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    spec = {"name": "shop", "host": "db.example", "database": "shop", "maxConnections": connections}
    return {"metadata": metadata, "spec": spec}


@pytest.mark.parametrize(("connections", "woken"), [(4, ["preview/x", "renamed"]), (2, [])])
async def test_a_higher_bound_wakes_previews_and_runs_of_pipelines_that_name_another_source(
    connections, woken, monkeypatch
):
    operator = Operator(Settings(store_dsn="postgresql://x"), None, None)
    parts, heard = operator._parts, []
    monkeypatch.setattr(parts.monitor, "told", lambda *_: None)
    parts.slots.listen(heard.append)
    monkeypatch.setattr(parts.slots._sources, "_wake", heard.append)
    parts.index.put(names.SOURCE_PLURAL, source(1, 2))
    parts.index.listen(operator._changed)
    parts.slots.hold_source("shop", "preview/at-work")
    assert not parts.slots.take_source("shop", "preview/x", 1)
    parts.slots.settle("renamed", Holds(waits_for_source={"r": "shop"}))
    parts.index.put(names.SOURCE_PLURAL, source(2, connections))
    assert heard == woken
