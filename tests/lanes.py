"""Runs several pytests, two at once: `python tests/lanes.py tests/e2e 'tests/unit -x' …`, one argument for each.

They begin in that order: the longest first keeps both busy to the end. The first one's output is shown as it comes,
that of the others when they have ended. What failed is repeated last.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

AT_ONCE = 2
"""What two cores bear: with three, a run of 6 s was over before others had begun."""
_FAILED = re.compile(r"(\x1b\[[\d;]*m)*(FAILED|ERROR|SUBFAILED)\b")


@dataclass
class Lane:
    """One pytest: not begun, at work, or ended."""

    arguments: str
    output: Path
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def code(self) -> int | None:
        """Its exit code, once it has ended."""
        return self.process.poll() if self.process else None

    def begin(self) -> None:
        """Starts it."""
        color = ["--color=yes"] if sys.stdout.isatty() else []
        with self.output.open("wb") as stream:
            # A terminal's Ctrl-C goes to all in its process group.
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pytest", *color, *shlex.split(self.arguments)],
                stdout=stream, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def text(self) -> str:
        """What it wrote so far."""
        return self.output.read_text(errors="replace")

    def verdict(self) -> str:
        """What failed, and pytest's own last line."""
        lines = [line for line in self.text().splitlines() if line] or ["no output"]
        failed = [line for line in lines if _FAILED.match(line)]
        return "\n".join([*failed, f"{self.arguments}: exit code {self.code}, {lines[-1].strip('= ')}"])


def main(wanted: list[str]) -> int:
    """0 when all went well, else the exit code of the first one that did not."""
    with tempfile.TemporaryDirectory(prefix="headrace-lanes-") as folder:
        lanes = [Lane(arguments, Path(folder, str(number))) for number, arguments in enumerate(wanted)]
        try:
            for lane in lanes:
                _say(f"\n===== pytest {lane.arguments}\n")
                _show(lane, lanes)
        except BaseException:
            _end(lanes)
            raise
        _say("\n===== all\n" + "".join(f"{lane.verdict()}\n" for lane in lanes))
    return next((lane.code for lane in lanes if lane.code), 0)


def _begin_next(lanes: list[Lane]) -> None:
    at_work = sum(lane.process is not None and lane.code is None for lane in lanes)
    for lane in [lane for lane in lanes if lane.process is None][: max(0, AT_ONCE - at_work)]:
        lane.begin()


def _show(shown: Lane, lanes: list[Lane]) -> None:
    """Shows all of its output, until it has ended; the others begin meanwhile, when it is their turn."""
    _begin_next(lanes)
    with shown.output.open("rb") as stream:
        is_over = False
        while not is_over:
            is_over = _has_ended(shown)
            _begin_next(lanes)
            for chunk in _rest(stream):
                sys.stdout.buffer.write(chunk)
            sys.stdout.flush()


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _has_ended(lane: Lane) -> bool:
    if lane.code is None:
        time.sleep(0.3)
    return lane.code is not None


def _rest(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(65536):
        yield chunk


def _end(lanes: list[Lane]) -> None:
    """They end as by Ctrl-C, so that they remove what they started."""
    begun = [lane.process for lane in lanes if lane.process]
    for process in begun:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
    for process in begun:
        process.wait()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # What a shell starts in the background ignores it, and would have its children do so.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main(sys.argv[1:]))
