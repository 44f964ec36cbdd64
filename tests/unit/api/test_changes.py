"""When a project or schedule last changed, whoever changed it."""

import pytest

from headrace_api import times
from headrace_api.translate.changes import updated_at

CREATED = "2026-03-01T12:00:00Z"


@pytest.mark.parametrize(
    ("noted", "written", "shown"),
    [
        (None, None, CREATED),
        ("2026-03-01T12:00:00.900000Z", "2026-03-01T12:00:01Z", "2026-03-01T12:00:00.900000Z"),  # one write
        ("2026-03-02T00:00:00.500000Z", "2026-03-02T00:00:00Z", "2026-03-02T00:00:00.500000Z"),
        (None, "2026-03-03T00:00:00Z", "2026-03-03T00:00:00Z"),  # kubectl
        ("2026-03-02T00:00:00.500000Z", "2026-03-03T00:00:00Z", "2026-03-03T00:00:00Z"),
        ("2020-01-01T00:00:00Z", None, CREATED),  # copied with the manifest of another
    ],
)
def test_it_changed_when_the_api_says_so_or_when_somebody_wrote_to_it_later(noted, written, shown):
    metadata = {"name": "a", "uid": "u", "creationTimestamp": CREATED}
    metadata["annotations"] = {"headrace.dev/updated-at": noted} if noted else {}
    metadata["managedFields"] = [
        *([{"manager": "kubectl", "time": written, "fieldsV1": {"f:spec": {}}}] if written else []),
        {"manager": "operator", "time": "2026-03-09T00:00:00Z", "fieldsV1": {"f:status": {}}},
    ]
    assert times.show(updated_at({"metadata": metadata, "spec": {}})) == shown
