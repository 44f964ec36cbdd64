"""Which batches are committed together."""

from array import array

import pytest

from headrace_runner.groups import BYTES, FIRST, ROWS, Group, Limit, limit_after
from headrace_runner.protocols import Batch
from headrace_runner.rows import Rows


def batch(rows, *, width=10, final=False):
    ends = array("I", range(width, width * (rows + 1), width))
    return Batch(rows=Rows(b"x" * width * rows, ends), first=None, last=None, previous=None, final=final)


def group_of(limit, *batches):
    group = Group(limit)
    for one in batches:
        group.add(one)
    return group


@pytest.mark.parametrize(
    ("group", "is_full"),
    [
        (group_of(FIRST, batch(1000)), True),
        (group_of(Limit(rows=20_000), batch(1000)), False),
        (group_of(Limit(rows=2000), batch(1000), batch(1000)), True),
        (group_of(Limit(rows=20_000), batch(1000, final=True)), True),
        (group_of(Limit(rows=20_000), batch(3, width=BYTES // 4)), True),
        (group_of(Limit(rows=1), batch(1000)), True),
    ],
)
def test_a_group_is_full_when_another_such_batch_would_exceed_it(group, is_full):
    assert group.is_full is is_full


@pytest.mark.parametrize(
    ("rows", "seconds", "limit"),
    [(1000, 0.01, ROWS), (1000, 0.5, 500), (20_000, 0.25, ROWS), (20_000, 1.0, 5000), (0, 0.0, 0)],
)
def test_a_commit_takes_no_longer_than_progress_may_stand(rows, seconds, limit):
    assert limit_after(rows, seconds).rows == limit
