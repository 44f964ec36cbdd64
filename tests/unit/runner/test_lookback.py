"""Which rows the next incremental run reads again."""

import pytest

from headrace_runner.sources.postgres.lookback import grain_seconds, has_zone, is_time, is_unsettled

FROM = "2026-03-01 12:00:00.5+00"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2026-03-01 12:34:56.123456+00", 1e-6),
        ("2026-03-01 12:34:56.123", 1e-3),
        ("2026-03-01 12:34:56+00", 1),
        ("2026-03-01 12:34:00", 60),
        # Midnight in Berlin, and in Kathmandu.
        ("2026-03-01 23:00:00+00", 86_400),
        ("2026-03-01 18:15:00+00", 86_400),
        ("2026-03-01", 86_400),
        ("0044-03-15 12:34:56.1 BC", 86_400),
        ("-infinity", 86_400),
    ],
)
def test_zeros_tell_what_a_time_may_be_cut_to(value, seconds):
    assert grain_seconds(value) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("value", "unsettled"),
    [
        ("2026-03-01 11:59:59.999999+00", False),
        ("2026-03-01 12:00:00+00", False),
        ("2026-03-01 12:00:00.49+00", False),
        ("2026-03-01 12:00:00.5+00", True),
        ("2026-03-01 12:00:00.51+00", True),
        ("2026-03-02", True),
        ("2026-03-01", False),
        # What can't be compared as text is read again.
        ("0044-03-15 12:34:56 BC", True),
        ("12026-03-01 00:00:00+00", True),
        ("-infinity", True),
    ],
)
def test_a_row_is_unsettled_while_it_is_young(value, unsettled):
    assert is_unsettled(value, FROM, is_time=True) is unsettled


@pytest.mark.parametrize(
    ("value", "greatest", "unsettled"), [("9", "10", False), ("10", "10", True), ("10", None, False)]
)
def test_of_other_types_only_the_greatest_value_may_come_again(value, greatest, unsettled):
    assert is_unsettled(value, greatest, is_time=False) is unsettled


def test_the_last_row_may_have_the_greatest_value_however_it_reads():
    assert is_unsettled("9.0", "9.00", is_time=False, is_last=True)
    assert not is_unsettled("9.0", None, is_time=False, is_last=True)
    assert not is_unsettled("2026-03-01 12:00:00+00", FROM, is_time=True, is_last=True)


@pytest.mark.parametrize(
    ("type_name", "expected"),
    [
        ("timestamp with time zone", (True, True)),
        ("timestamp(3) with time zone", (True, True)),
        ("timestamp(3) without time zone", (True, False)),
        ("date", (True, False)),
        ("time with time zone", (False, False)),
        ("bigint", (False, False)),
    ],
)
def test_times_and_their_zones(type_name, expected):
    assert (is_time(type_name), has_zone(type_name)) == expected
