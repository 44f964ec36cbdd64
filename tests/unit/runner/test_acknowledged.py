"""Batches are acknowledged in their order, whatever the order is in which their documents get in."""

from array import array

from headrace_runner.protocols import Batch
from headrace_runner.rows import Rows
from headrace_runner.targets.elasticsearch.acknowledged import Acknowledgements, BadRow, Tally

BAD = BadRow(document_id="1", document=b"", error_type="t", reason="r")


def opened(*sizes):
    """Batches of so many rows."""
    acknowledgements = Acknowledgements()
    for size in sizes:
        batch = Batch(
            rows=Rows(b"x" * size, array("I", range(size))), first=None, last=None, previous=None, final=False
        )
        acknowledgements.open(batch)
    return acknowledgements


def sizes(acknowledged):
    return [len(one.batch.rows) for one in acknowledged]


def test_a_batch_waits_for_all_before_it():
    batches = opened(3, 4, 5)
    assert sizes(batches.settle({1: Tally(written=4)})) == []
    assert sizes(batches.settle({2: Tally(written=5)})) == []
    assert sizes(batches.settle({0: Tally(written=2)})) == []
    assert sizes(batches.settle({0: Tally(written=1)})) == [3, 4, 5]
    assert not batches


def test_a_batch_is_whole_when_each_row_is_in_or_unchanged_or_bad():
    batches = opened(4)
    assert not batches.settle({0: Tally(written=1)})
    assert not batches.settle({0: Tally(unchanged=2)})
    (done,) = batches.settle({0: Tally(bad=[BAD])})
    assert (done.written, done.unchanged, done.bad) == (1, 2, (BAD,))


def test_an_empty_batch_waits_for_its_turn_only():
    batches = opened(1, 0, 2)
    assert sizes(batches.settle({})) == []
    assert sizes(batches.settle({0: Tally(written=1)})) == [1, 0]
    assert sizes(batches.settle({2: Tally(written=2)})) == [2]


def test_numbers_go_on_after_what_was_acknowledged():
    batches = opened(1)
    batches.settle({0: Tally(written=1)})
    empty = Batch(rows=Rows(b"", array("I")), first=None, last=None, previous=None, final=True)
    assert batches.open(empty) == 1
    assert sizes(batches.settle({})) == [0]


def test_the_bytes_of_a_batch_are_not_kept():
    batches = opened(3)
    (done,) = batches.settle({0: Tally(written=3)})
    assert (done.batch.rows.data, len(done.batch.rows)) == (b"", 3)
