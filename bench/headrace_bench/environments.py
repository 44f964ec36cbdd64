"""A virtual environment for each peer: what they need does not go together."""

import hashlib
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1]
"""`bench/`: the peers' scripts and pinned requirements are in `peers/` below it."""


class NotInstalledError(Exception):
    """A peer can't be installed here; the text says what pip or the system said."""


def environment(name: str) -> Path:
    """The peer's `bin` folder; makes it unless it is there, as `peers/<name>.txt` says."""
    requirements = FOLDER / "peers" / f"{name}.txt"
    folder = FOLDER / ".venv" / "peers" / name
    mark, wanted = folder / "made", hashlib.sha256(requirements.read_bytes()).hexdigest()
    if not mark.exists() or mark.read_text() != wanted:
        _call([sys.executable, "-m", "venv", "--clear", str(folder)])
        pip = [str(folder / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        _call([*pip, "install", "--requirement", str(requirements)])
        mark.write_text(wanted)
    return folder / "bin"


def _call(command: list[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise NotInstalledError(done.stdout.strip()[-1000:])
