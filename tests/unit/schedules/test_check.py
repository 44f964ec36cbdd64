"""What can't be a schedule is refused on its field, in words that name what is wrong."""

import pytest

from headrace.errors import InvalidError
from headrace.schedules.due import check_schedule

BAD_CRON = {
    "* * * *": ["five fields", "not 4", "the day of week is missing"],
    "* * * * * 7": ["five fields", "not 6", "'7' is one too many"],
    "": ["not 0", "the minute is missing"],
    " \t": ["not 0"],
    "@daily": ["'@daily'", "five fields"],
    "61 * * * *": ["minute", "'61'", "from 0 to 59"],
    "0 24 * * *": ["hour", "'24'", "from 0 to 23"],
    "0 0 0 * *": ["day of month", "'0'", "from 1 to 31"],
    "0 0 32 * *": ["day of month", "'32'"],
    "0 0 * 13 *": ["month", "'13'", "JAN to DEC"],
    "0 0 * FOO *": ["month", "'FOO'"],
    "0 0 * * 8": ["day of week", "'8'", "from 0 to 7", "SUN to SAT"],
    "0 0 * * MONDAY": ["day of week", "'MONDAY'"],
    "0 0 L * *": ["day of month", "'L'"],
    "0 0 15W * *": ["day of month", "'15W'"],
    "0 0 ? * *": ["day of month", "'?'"],
    "0 0 * * 1#2": ["day of week", "'1#2'"],
    "0 0 * * 5L": ["day of week", "'5L'"],
    "0 0 30 2 *": ["day of month", "'30' never comes in month '2'"],
    "0 0 31 feb,4,6-6 *": ["day of month", "'31' never comes"],
    "0 0 30,31 2 */1": ["never comes"],
    "*/0 * * * *": ["minute", "step", "'*/0'"],
    "*/61 * * * *": ["minute", "step", "'*/61'", "1 to 60"],
    "5-1 * * * *": ["minute", "'5-1' ends before it begins"],
    "0 0 * * FRI-MON": ["day of week", "'FRI-MON' ends before it begins"],
    "1,70,2 * * * *": ["minute", "'70'"],
    "1-70 * * * *": ["minute", "'70' in '1-70'"],
    "1,,2 * * * *": ["minute", "''"],
    "-1 * * * *": ["minute", "'-1'"],
    "1- * * * *": ["minute", "'1-'"],
    "1.5 * * * *": ["minute", "'1.5'"],
    "*-5 * * * *": ["minute", "'*-5'"],
    "1/2/3 * * * *": ["minute", "'1/2/3'"],
    "٣ * * * *": ["minute", "'٣'"],
    "0 0 1 1 *\n": ["day of week"],
    "9" * 400 + " * * * *": ["minute", "9…'"],
}
BAD_INTERVALS = [
    "0s",
    "00m",
    "05m",
    "-5m",
    "+5m",
    "1.5h",
    "",
    "5",
    "m",
    "5x",
    "5M",
    "5 m",
    " 5m",
    "5m\n",
    "1h30m",
    "٣m",
]
TOO_LONG_INTERVALS = ["367d", "3650d", "8785h", "9999999999d"]
BAD_ZONES = [
    *("Mars/Phobos", "", "UTC+2", "europe/berlin", "Europe/Berlin ", "Europe/Berlin\0", "Ä", "x" * 5000, "Europe"),
    *("../../etc/passwd", "/etc/localtime", "Europe/../Europe/Berlin", "localtime", "right/UTC", "posix/UTC"),
    *("tzdata.zi", "leapseconds", "posixrules", "Factory"),
]
GOOD = [
    *("* * * * *", "  0 \t2 * * *  ", "*/5 9-17 * * mon-FRI", "0 0 1,15 jan,Jul *", "5/15 * * * *", "0 0 29 2 *"),
    *("0 0 30 2 1", "0 0 * * 7", "0 0 * * SAT-SUN", "0 0 * * 5-7", "0 */24 * * *", "*/60 * * * *", "05 007 * * *"),
]


@pytest.mark.parametrize("expression", BAD_CRON)
def test_a_bad_cron_expression_is_refused_with_the_name_of_the_field_and_the_bad_token(expression):
    with pytest.raises(InvalidError) as caught:
        check_schedule("CRON", expression, "UTC")
    assert caught.value.field == "expression"
    assert [part for part in BAD_CRON[expression] if part not in caught.value.message] == []


@pytest.mark.parametrize("expression", GOOD)
def test_the_usual_forms_of_cron_are_taken(expression):
    check_schedule("CRON", expression, "Europe/Berlin")


@pytest.mark.parametrize("expression", BAD_INTERVALS + TOO_LONG_INTERVALS)
def test_a_bad_interval_is_refused(expression):
    with pytest.raises(InvalidError) as caught:
        check_schedule("INTERVAL", expression, "UTC")
    assert caught.value.field == "expression"
    assert expression[:40] in caught.value.message


@pytest.mark.parametrize("expression", ["1s", "15s", "30m", "2h", "1d", "366d", "8784h"])
def test_one_positive_number_and_its_unit_is_an_interval(expression):
    check_schedule("INTERVAL", expression, "UTC")


@pytest.mark.parametrize("zone", BAD_ZONES)
@pytest.mark.parametrize(("kind", "expression"), [("CRON", "0 0 * * *"), ("INTERVAL", "1d")])
def test_what_is_no_name_of_a_zone_is_refused_and_no_file_elsewhere_is_read(kind, expression, zone):
    with pytest.raises(InvalidError, match="timezone") as caught:
        check_schedule(kind, expression, zone)
    assert caught.value.field == "timezone"
    assert len(caught.value.message) < 250


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "EST5EDT"])
def test_names_of_the_zone_database_are_taken(zone):
    check_schedule("CRON", "0 0 * * *", zone)


def test_a_kind_that_is_none_is_refused():
    with pytest.raises(InvalidError) as caught:
        check_schedule("cron", "0 0 * * *", "UTC")
    assert caught.value.field == "kind"
