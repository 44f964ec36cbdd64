"""Times in resources."""

from datetime import UTC, datetime

import pytest

from headrace.model.times import due_text, from_text, to_text


@pytest.mark.parametrize("year", [1, 4, 999, 1970, 9999])
def test_a_time_of_any_year_reads_back_as_itself(year):
    """Due times are asked for from before a schedule existed: those of 29 February go back far."""
    moment = datetime(year, 2, 3, 4, 5, 6, 7, tzinfo=UTC)
    assert to_text(moment) == f"{year:04}-02-03T04:05:06.000007Z"
    assert due_text(moment) == f"{year:04}-02-03T04:05:06Z"
    assert from_text(to_text(moment)) == moment
