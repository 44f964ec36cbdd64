"""Runner processes are found by their command and the run in their environment."""

import pytest

from headrace_local.demo import runners

RUN = "1234"


@pytest.fixture
def proc(tmp_path):
    def process(pid, command, environ):
        folder = tmp_path / str(pid)
        folder.mkdir()
        (folder / "cmdline").write_bytes(command)
        (folder / "environ").write_bytes(environ)

    process(11, b"python\0-m\0headrace_runner\0", b"A=1\0HEADRACE_RUN_ID=1234\0")
    process(12, b"python\0-m\0headrace_runner\0", b"HEADRACE_RUN_ID=9999\0")
    process(13, b"", b"HEADRACE_RUN_ID=1234\0")
    process(14, b"grep\0HEADRACE_RUN_ID\0", b"HEADRACE_RUN_ID=1234\0")
    (tmp_path / "15").mkdir()
    (tmp_path / "self").mkdir()
    return tmp_path


def test_only_the_runners_of_the_run_are_found(proc):
    assert runners.find(RUN, proc) == [11]
    assert runners.find("nobody", proc) == []
