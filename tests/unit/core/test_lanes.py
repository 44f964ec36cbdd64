"""Tests that run side by side: each is seen, and the exit code is not 0 when one of them failed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from headrace_local.waiting import wait_for

PROGRAM = Path(__file__).parents[2] / "lanes.py"
TESTS = {
    "good": "def test_it():\n    print('good was here')\n",
    "bad": "def test_it():\n    assert 'bad' == 'was here'\n",
    "broken": "import nothing_like_it\n",
    "slow": "import time\ndef test_it():\n    open('begun', 'w').close()\n    try: time.sleep(60)\n"
    "    finally: open('ended', 'w').close()\n",
}


@pytest.fixture
def folder(tmp_path):
    for name, text in TESTS.items():
        (tmp_path / f"test_{name}.py").write_text(text)
    return tmp_path


def start(folder, *names):
    lanes = [f"-s -p no:cacheprovider test_{name}.py" for name in names]
    # Plugins take a second or two of each start.
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, str(PROGRAM), *lanes]
    return subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (("good", "good"), 0),
        (("bad", "good"), 1),
        (("good", "good", "bad", "good"), 1),
        (("good", "broken"), 2),
        (("good", "missing"), 4),
    ],
    ids=str,
)
def test_the_exit_code_tells_whether_all_went_well(folder, names, code):
    process = start(folder, *names)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == code, said
    assert said.count("good was here") == names.count("good")
    end = said[said.rindex("===== all") :]
    assert end.count(": exit code") == len(names)
    assert ("FAILED test_bad.py::test_it" in end) == ("bad" in names)
    assert ("ERROR test_broken.py" in end) == ("broken" in names)


def test_an_end_that_is_asked_for_ends_them_in_order(folder):
    process = start(folder, "good", "slow")
    wait_for("the slow one to begin", (folder / "begun").exists, seconds=60)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode != 0
    assert (folder / "ended").exists()
