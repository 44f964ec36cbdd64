"""A measured run of one or more programs: seconds, client CPU, peak memory."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_LAUNCHER = Path(__file__).with_name("launch.py")


class ProgramError(Exception):
    """A program ended badly; the text is the end of what it printed."""


@dataclass(frozen=True, slots=True)
class Took:
    """What programs took, from the first's start to the last's end."""

    seconds: float
    cpu_seconds: float | None
    """User and system time of all of them: what the client costs, without the servers; None where it ran elsewhere."""
    peak_bytes: int | None
    """The largest resident set that one of them ever had."""


def measure(commands: Sequence[Sequence[str]], *, environ: Mapping[str, str], log: Path) -> Took:
    """Runs programs, each one's output the next one's input; raises ProgramError unless all exit with 0."""
    log.unlink(missing_ok=True)
    asked = {"commands": commands, "environ": dict(environ), "output": str(log)}
    launcher = [sys.executable, "-I", "-S", str(_LAUNCHER)]
    done = subprocess.run(launcher, input=json.dumps(asked), stdout=subprocess.PIPE, text=True, check=True)
    took = json.loads(done.stdout)
    if any(took["codes"]):
        raise ProgramError(f"exit codes {took['codes']}: {_end_of(log)}")
    return Took(took["seconds"], took["cpu_seconds"], took["peak_bytes"])


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:].strip() if log.exists() else "no output"
