"""The benchmark measures what it says, on a server of its own, and takes no wrong target for a result."""

import pytest

from headrace_bench import data
from headrace_bench.benchmark import Wish, begin
from headrace_bench.cases import CASES, Case, holding
from headrace_bench.data import TABLE, Before
from headrace_bench.place import made
from headrace_bench.process import Took
from headrace_bench.rounds import measure
from headrace_bench.server import TARGET

ROWS = 3_000


@pytest.fixture(scope="module")
def place():
    with made(ROWS, None) as place:
        yield place


def run(place, tmp_path, *cases, rounds=1):
    report = begin("bench", Wish(ROWS, ROWS, rounds, (), tmp_path), place)
    measure(place, cases, report, say=lambda _: None, save=lambda: None)
    return report


def test_every_case_leaves_a_right_target(place, tmp_path):
    report = run(place, tmp_path, *CASES)
    assert report.failures == {}
    assert [line.name for line in report.lines] == [case.name for case in CASES]


def test_rows_have_the_size_that_the_documentation_tells(place):
    assert data.row_bytes(place.server) == pytest.approx(219, abs=1)


@pytest.mark.parametrize(
    ("before", "differing"), [(Before.SAME, 0), (Before.CHANGED, ROWS), (Before.ONE_PERCENT, ROWS // 100)]
)
def test_a_full_target_differs_as_its_name_says(place, before, differing):
    data.prepare_target(place.server, before, log=place.log)
    found = data.differing(place.server)
    assert found == pytest.approx(differing, rel=0.3)


@pytest.mark.parametrize(
    "harm",
    [
        f"DELETE FROM {TABLE} WHERE id IN (SELECT id FROM {TABLE} LIMIT 1)",
        f"UPDATE {TABLE} SET note = note || 'x' WHERE id IN (SELECT id FROM {TABLE} LIMIT 1)",
        f"ALTER TABLE {TABLE} DROP CONSTRAINT events_pkey",
    ],
    ids=["a row less", "a value changed", "no key"],
)
def test_a_wrong_target_is_no_result(place, tmp_path, harm):
    def harmed(place):
        data.execute(place.server.dsn(TARGET), harm)
        return Took(1.0, 1.0, 1)

    report = run(place, tmp_path, Case("harmed", "harmed", holding(Before.SAME), harmed), rounds=2)
    assert list(report.failures) == ["harmed"]
    assert report.lines == []
