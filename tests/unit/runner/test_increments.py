"""Which columns are proposed to an incremental pipeline, and in which order."""

import pytest

from headrace_runner.preview.increments import MOST, Candidate, incremental_columns

TEXT, INT, BIGINT, DATE, TIME, TIMETZ = 25, 23, 20, 1082, 1114, 1184


def column(name, type_oid, *, null=False, numbered=False):
    return Candidate(name=name, type_oid=type_oid, not_null=not null, is_numbered=numbered)


CASES = {
    "a change is better than a beginning, and both than a number": (
        [column("id", BIGINT, numbered=True), column("created_at", TIMETZ), column("updated_at", TIMETZ)],
        ["updated_at", "created_at", "id"],
    ),
    "one that is never null comes first": (
        [column("modified", TIME, null=True), column("last_update", TIME)], ["last_update", "modified"],
    ),
    "a time is finer than a date": (
        [column("changed_on", DATE), column("changed_at", TIME)], ["changed_at", "changed_on"],
    ),
    "names of all kinds": (
        [column(name, TIME) for name in ("lastModified", "MTIME", "INSERTED_AT", "event_time", "ts")],
        ["lastModified", "MTIME", "INSERTED_AT", "event_time", "ts"],
    ),
    "other times are no cursor": ([column(name, DATE) for name in ("birthday", "due_on", "events", "cats")], []),
    "other numbers are none": ([column("amount", INT), column("version", BIGINT)], []),
    "the key": ([column("film_id", INT), column("n", INT)], ["film_id"]),
    "a number beside the key": ([column("id", TEXT), column("serial", BIGINT, numbered=True)], ["serial"]),
    "never many": ([column(f"updated_{n}", TIME) for n in range(9)], [f"updated_{n}" for n in range(MOST)]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_best_come_first(case):
    columns, expected = CASES[case]
    assert incremental_columns(columns, ["film_id"]) == expected
