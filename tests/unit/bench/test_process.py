"""Programs are measured as the kernel counts them."""

import sys

import pytest

from headrace_bench.process import ProgramError, measure

LARGE = "import os; b = b'x' * 120_000_000; os.write(1, b[:5])"


def test_the_output_of_one_is_the_input_of_the_next(tmp_path):
    log = tmp_path / "log"
    measure([["echo", "rows"], ["tr", "a-z", "A-Z"]], environ={}, log=log)
    assert log.read_text() == "ROWS\n"


def test_peak_memory_is_that_of_the_program_alone(tmp_path):
    """The tests' process is larger than `true`, and a child's peak begins with its parent's."""
    ballast = b"x" * 100_000_000
    small = measure([["true"]], environ={}, log=tmp_path / "log")
    large = measure([[sys.executable, "-c", LARGE]], environ={}, log=tmp_path / "log")
    assert len(ballast) == 100_000_000
    assert small.peak_bytes is not None
    assert small.peak_bytes < 30_000_000
    assert large.peak_bytes is not None
    assert 120_000_000 < large.peak_bytes < 160_000_000


def test_cpu_is_counted_for_all_programs(tmp_path):
    work = [sys.executable, "-c", "import time\nwhile time.process_time() < 0.3: pass"]
    took = measure([work, work], environ={}, log=tmp_path / "log")
    assert took.cpu_seconds is not None
    assert took.cpu_seconds >= 0.6


@pytest.mark.parametrize("commands", [[["sh", "-c", "echo why; exit 3"]], [["sh", "-c", "exit 3"], ["echo", "why"]]])
def test_a_program_that_fails_is_no_result(commands, tmp_path):
    with pytest.raises(ProgramError, match=r"3.*why"):
        measure(commands, environ={}, log=tmp_path / "log")


def test_a_writer_learns_that_its_reader_is_gone(tmp_path):
    """Or else a benchmark whose target refused the rows would hang."""
    with pytest.raises(ProgramError):
        measure([["yes"], ["false"]], environ={}, log=tmp_path / "log")
