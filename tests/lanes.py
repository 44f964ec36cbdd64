"""Runs several pytests side by side, `python tests/lanes.py 'tests/unit -x' tests/e2e`: one argument for each of them.

The first one's output is shown as it comes, that of the others when they have ended; what failed is repeated last.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_FAILED = re.compile(r"(\x1b\[[\d;]*m)*(FAILED|ERROR|SUBFAILED)\b")


@dataclass
class Lane:
    """One pytest at work."""

    arguments: str
    process: "subprocess.Popen[bytes]"
    output: Path

    def text(self) -> str:
        """What it wrote so far."""
        return self.output.read_text(errors="replace")

    def verdict(self) -> str:
        """What failed, and pytest's own last line."""
        lines = [line for line in self.text().splitlines() if line] or ["no output"]
        failed = [line for line in lines if _FAILED.match(line)]
        return "\n".join([*failed, f"{self.arguments}: exit code {self.process.returncode}, {lines[-1].strip('= ')}"])


def main(wanted: list[str]) -> int:
    """0 when all went well, else the exit code of the first one that did not."""
    with tempfile.TemporaryDirectory(prefix="headrace-lanes-") as folder:
        lanes = [_start(arguments, Path(folder, str(number))) for number, arguments in enumerate(wanted)]
        try:
            for lane in lanes:
                _say(f"\n===== pytest {lane.arguments}\n")
                _show(lane)
        except BaseException:
            _end(lanes)
            raise
        _say("\n===== all\n" + "".join(f"{lane.verdict()}\n" for lane in lanes))
    return next((lane.process.returncode for lane in lanes if lane.process.returncode), 0)


def _start(arguments: str, output: Path) -> Lane:
    color = ["--color=yes"] if sys.stdout.isatty() else []
    with output.open("wb") as stream:
        # A terminal's Ctrl-C goes to all in its process group.
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *color, *shlex.split(arguments)], stdout=stream, stderr=subprocess.STDOUT
        )
    return Lane(arguments, process, output)


def _show(lane: Lane) -> None:
    """Shows all of its output, until it has ended."""
    with lane.output.open("rb") as stream:
        is_over = False
        while not is_over:
            is_over = _has_ended(lane)
            for chunk in _rest(stream):
                sys.stdout.buffer.write(chunk)
            sys.stdout.flush()


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _has_ended(lane: Lane) -> bool:
    try:
        lane.process.wait(timeout=0.3)
    except subprocess.TimeoutExpired:
        return False
    return True


def _rest(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(65536):
        yield chunk


def _end(lanes: list[Lane]) -> None:
    """They end as by Ctrl-C, so that they remove what they started."""
    for lane in lanes:
        if lane.process.poll() is None:
            lane.process.send_signal(signal.SIGINT)
    for lane in lanes:
        lane.process.wait()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # What a shell starts in the background ignores it, and would have its children do so.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main(sys.argv[1:]))
