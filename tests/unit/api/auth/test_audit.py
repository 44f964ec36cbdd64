"""The line that each call leaves which may change something."""

import pytest
from structlog.testing import capture_logs

from headrace_api.auth.audit import Visit
from headrace_api.auth.requirements import REQUIREMENTS


def line(method, route, requirement, parameters):
    with capture_logs() as lines:
        Visit(method, route, REQUIREMENTS[requirement], parameters, "10.0.0.1").write()
    return lines


@pytest.mark.parametrize(
    ("requirement", "parameters", "resource", "shown"),
    [
        ("create_schedule", {}, "etlschedules", None),
        ("replace_schedule", {"schedule_id": "s"}, "etlschedules", "s"),
        ("update_backfill", {"schedule_id": "s", "backfill_id": "b"}, "etlbackfills", "b"),
    ],
)
def test_the_line_names_what_was_to_be_changed(requirement, parameters, resource, shown):
    (said,) = line("POST", "/a", requirement, parameters)
    assert (said["event"], said["resource"], said["id"]) == ("audit", resource, shown)


def test_a_call_that_only_reads_leaves_no_line():
    assert line("GET", "/a", "get_schedule", {"schedule_id": "s"}) == []
