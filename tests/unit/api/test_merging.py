"""Pages of the store's rows and of runs that are not settled."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.store.records import RunRecord
from headrace_api.merging import Window, merge_page
from headrace_api.services.executions import SORTABLE
from headrace_api.translate.executions import Execution

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PIPELINE = {"metadata": {"name": "p", "uid": "u"}, "spec": {}}
STATES = ["PENDING", "RUNNING", "SUCCESS", "FAILED"]


def moment(minutes):
    return None if minutes is None else NOON + timedelta(minutes=minutes)


def text(minutes):
    return None if minutes is None else moment(minutes).isoformat().replace("+00:00", "Z")


def row(uid, *, created, started, state, rows):
    return RunRecord(
        run_id=uid, installation="i", namespace="n", pipeline_uid=f"u{created % 2}", pipeline_name="p", run_name=uid,
        kind="Load", status=state, created_at=moment(created), started_at=moment(started), rows_read=rows,
        rows_written=rows // 2,
    )  # fmt: skip


def live(uid, *, created, started, state, rows):
    """The same run, as its resource shows it."""
    status = {"phase": state, "startedAt": text(started), "progress": {"rowsRead": rows, "rowsWritten": rows // 2}}
    metadata = {"name": uid, "uid": uid, "creationTimestamp": text(created)}
    run = {"metadata": metadata, "spec": {"pipeline": "p"}, "status": status}
    return Execution(pipeline=PIPELINE, project_id=None, run=run, record=None)


def uid(item):
    return item.run_id if isinstance(item, RunRecord) else item.id


def value(item, field):
    if isinstance(item, RunRecord):
        return {"state": item.status, "pipeline_id": item.pipeline_uid, "id": item.run_id}.get(
            field, getattr(item, field, None)
        )
    figures = item.figures
    found = figures["status"] if field == "state" else figures[field]
    return datetime.fromisoformat(found) if field.endswith("_at") and found else found


def in_order(items, sort):
    """As the store orders: nulls last, what is equal by id in the same direction."""
    field, backwards = sort.removeprefix("-"), sort.startswith("-")
    known = [item for item in items if value(item, field) is not None]
    unknown = [item for item in items if value(item, field) is None]
    known.sort(key=lambda item: (value(item, field), uid(item)), reverse=backwards)
    return known + sorted(unknown, key=uid, reverse=backwards)


FIELDS = st.fixed_dictionaries(
    {
        "created": st.integers(0, 4),
        "started": st.none() | st.integers(0, 4),
        "state": st.sampled_from(STATES),
        "rows": st.integers(0, 3),
    }
)


@given(
    runs=st.lists(st.tuples(st.booleans(), FIELDS), max_size=12),
    field=st.sampled_from(SORTABLE),
    backwards=st.booleans(),
    limit=st.integers(1, 5),
    offset=st.integers(0, 14),
)
def test_a_page_is_part_of_one_list_whoever_has_its_runs(runs, field, backwards, limit, offset):
    sort = f"-{field}" if backwards else field
    stored = [row(f"r{n:02}", **fields) for n, (is_live, fields) in enumerate(runs) if not is_live]
    seen = [live(f"r{n:02}", **fields) for n, (is_live, fields) in enumerate(runs) if is_live]
    whole = in_order([*stored, *seen], sort)

    window = Window.around(limit=limit, offset=offset, live=len(seen))
    rows = in_order(stored, sort)[window.start : window.start + window.limit]
    found = merge_page(rows, window, live=seen, sort=sort, limit=limit, offset=offset)
    assert [uid(item) for item in found] == [uid(item) for item in whole[offset : offset + limit]]


@pytest.mark.parametrize(("offset", "live", "expected"), [(0, 0, (0, 10)), (0, 3, (0, 10)), (20, 3, (17, 13))])
def test_no_more_rows_are_read_than_a_page_may_need(offset, live, expected):
    window = Window.around(limit=10, offset=offset, live=live)
    assert (window.start, window.limit) == expected
