"""Filters, order and pages of the list of pipelines."""

import pytest

from headrace.lifecycle.state import Phase
from headrace.runspec import Mode
from headrace_api.listing import Filters
from headrace_api.paging import ordered, page


def shown(n, **fields):
    return {
        "id": f"id-{n}", "name": f"Film {n}", "status": "IDLE", "type": "SQL", "mode": "full", "enabled": True,
        "project_id": None, "source_id": "s", "destination_id": None,
        "created_at": f"2026-03-01T12:00:0{n}Z", "updated_at": "2026-03-01T12:00:00Z",
        "target_table": "a.b", "batch_size": n, **fields,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("filters", "taken"),
    [
        (Filters(), True),
        (Filters(status=Phase.IDLE, mode=Mode.FULL, enabled=True), True),
        (Filters(status=Phase.FAILED), False),
        (Filters(mode=Mode.INCREMENTAL), False),
        (Filters(enabled=False), False),
        (Filters(project_id="x"), False),
        (Filters(source_id="s"), True),
        (Filters(source_id="x"), False),
        (Filters(destination_id="x"), False),
        (Filters(q="LM 1"), True),
        (Filters(q="film 2"), False),
        (Filters(q=""), True),
    ],
)
def test_a_pipeline_has_to_pass_all_filters(filters, taken):
    assert filters.take(shown(1)) is taken


@pytest.mark.parametrize(
    ("sort", "ids"),
    [
        ("-created_at", ["id-2", "id-1", "id-0"]),
        ("created_at", ["id-0", "id-1", "id-2"]),
        ("-name", ["id-2", "id-1", "id-0"]),
        ("batch_size", ["id-0", "id-1", "id-2"]),
        ("id", ["id-0", "id-1", "id-2"]),
        ("description", ["id-1", "id-2", "id-0"]),  # null last
        ("updated_at", ["id-0", "id-1", "id-2"]),  # equal: by id, so that pages fit together
    ],
)
def test_the_order_is_total(sort, ids):
    pipelines = [shown(1, description="a"), shown(2, description="b"), shown(0, description=None)]
    assert [p["id"] for p in ordered(pipelines, sort)] == ids
    assert [p["id"] for p in ordered(pipelines[::-1], sort)] == ids


def test_times_are_ordered_as_times_whether_or_not_they_have_a_fraction():
    early, late = shown(0, created_at="2026-03-01T12:00:00Z"), shown(1, created_at="2026-03-01T12:00:00.500000Z")
    assert ordered([early, late], "-created_at") == [late, early]


def test_without_a_limit_a_page_is_all_that_follows():
    assert page([1, 2, 3], limit=None, offset=1) == [2, 3]
    assert page([1, 2, 3], limit=1, offset=1) == [2]
    assert page([1, 2, 3], limit=5, offset=3) == []
