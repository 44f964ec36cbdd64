"""What `up` says at its end."""

from headrace_local.cli import _to_try
from headrace_local.machine.status import Status


def test_three_commands_to_try_are_for_this_very_cluster():
    first, second, third = _to_try("mine", Status(name="mine", state="ready", api="http://127.0.0.1:1")).splitlines()
    assert "http://127.0.0.1:1/api/v1/pipelines" in first
    assert all("--name mine" in line for line in (second, third))
