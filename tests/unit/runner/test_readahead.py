"""Batches are read in a thread of their own, and handed out in groups."""

import threading
from array import array
from contextlib import suppress

import pytest

from headrace.errors import StoppedError, TransientError
from headrace_runner.groups import FIRST, Limit
from headrace_runner.protocols import Batch
from headrace_runner.readahead import QUEUE_BYTES, ReadAhead
from headrace_runner.rows import Rows

ROWS = 100


def batch(*, final=False, width=10):
    ends = array("I", range(width, width * (ROWS + 1), width))
    return Batch(rows=Rows(b"x" * width * ROWS, ends), first=None, last=None, previous=None, final=final)


def read(source, limit, *, left=None):
    """The sizes of all groups."""
    with ReadAhead(lambda: source, lambda: None, left or threading.Event()) as ahead:
        sizes, final = [], False
        while not final:
            group = ahead.group(limit)
            sizes.append(len(group.batches))
            final = group.batches[-1].final
        return sizes


def ten():
    return iter([*(batch() for _ in range(9)), batch(final=True)])


@pytest.mark.parametrize(
    ("limit", "sizes"),
    [
        (FIRST, [1] * 10),
        (Limit(rows=ROWS * 3, linger=60.0), [3, 3, 3, 1]),
        (Limit(rows=ROWS * 100, linger=60.0), [10]),
        (Limit(rows=ROWS * 3 + 1, linger=60.0), [3, 3, 3, 1]),
    ],
)
def test_a_group_waits_for_its_batches_and_no_longer(limit, sizes):
    assert read(ten(), limit) == sizes


def test_batches_that_fill_the_queue_are_not_waited_for_any_longer():
    """The reader waits for room, so nothing more would come."""
    width = QUEUE_BYTES // ROWS // 2
    wide = iter([*(batch(width=width) for _ in range(5)), batch(final=True, width=width)])
    assert sum(read(wide, Limit(rows=ROWS * 100, linger=60.0))) == 6


def test_a_source_that_is_slow_is_waited_for_only_a_moment():
    more = threading.Event()

    def slow():
        yield batch()
        more.wait(60)
        yield batch(final=True)

    with ReadAhead(slow, lambda: None, threading.Event()) as ahead:
        assert len(ahead.group(Limit(rows=ROWS * 2, linger=0.05)).batches) == 1
        more.set()
        assert len(ahead.group(Limit(rows=ROWS * 2, linger=0.05)).batches) == 1


def test_what_was_read_before_an_error_is_handed_out_first():
    def failing():
        yield batch()
        yield batch()
        raise TransientError("gone")

    with ReadAhead(failing, lambda: None, threading.Event()) as ahead:
        assert len(ahead.group(Limit(rows=ROWS * 9, linger=60.0)).batches) == 2
        with pytest.raises(TransientError, match="gone"):
            ahead.group(FIRST)


def test_the_reader_ends_when_nobody_takes_batches_any_more():
    left = threading.Event()
    ended = threading.Event()

    def endless():
        try:
            while True:
                yield batch(width=QUEUE_BYTES // ROWS // 2)
        finally:
            ended.set()

    with suppress(StoppedError), ReadAhead(endless, lambda: None, left) as ahead:
        ahead.group(FIRST)
        raise StoppedError("enough")
    assert left.is_set()
    assert ended.wait(10)
