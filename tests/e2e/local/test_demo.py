"""The demo ends well by itself, and leaves nothing behind when it is interrupted."""

import signal
import subprocess
import sys
import time

import pytest

from headrace_local.machine import searchservers
from headrace_local.machine.cluster import home

COMMAND = [sys.executable, "-m", "headrace_local", "demo"]
LIMIT = 120


def leftovers(pid):
    return list(home().glob(f"demo-{pid}"))


@pytest.mark.slow
def test_the_demo_shows_everything_and_removes_it():
    began = time.monotonic()
    demo = subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said, _ = demo.communicate(timeout=240)
    assert demo.returncode == 0, said
    last = "after the change: The Penstock and the Headrace" if searchservers.can_choose() else "Left out: the films"
    for sentence in (
        "they agree",
        "PAUSED",
        "kill -9",
        "median",
        "s behind",
        "the stream is CANCELLED",
        "bytes of WAL",
        last,
        "Everything is removed",
    ):
        assert sentence in said
    assert leftovers(demo.pid) == []
    # Two other lots of tests are at work beside it.
    assert time.monotonic() - began < 2 * LIMIT


@pytest.mark.parametrize(
    ("how", "shown"),
    [(signal.SIGTERM, "Kubernetes, Postgres, operator and API"), (signal.SIGINT, "2/")],
    ids=["while it starts", "while it shows something"],
)
def test_an_interrupted_demo_removes_everything_and_says_so(how, shown):
    demo = subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    assert any(shown in line for line in demo.stdout)
    time.sleep(1)
    demo.send_signal(how)
    said, problem = demo.communicate(timeout=60)
    assert demo.returncode == 130, said + problem
    assert "interrupted" in problem
    assert "Traceback" not in problem
    assert leftovers(demo.pid) == []
