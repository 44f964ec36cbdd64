"""What the Job tells the runner, by environment variables; all else is in the run's spec."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from headrace.errors import PermanentError

GRACE_SECONDS = 25.0
TERMINATION_LOG = "/dev/termination-log"
RETRY_SECONDS = (1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One runner's settings."""

    run_id: str
    epoch: int
    """Of this Job: a greater one takes the fence."""
    store_dsn: str
    source_dsn: str
    target_dsn: str
    termination_log: Path = Path(TERMINATION_LOG)
    grace_seconds: float = GRACE_SECONDS
    """After SIGTERM the batch in hand may finish within this time."""
    retry_seconds: tuple[float, ...] = RETRY_SECONDS
    """The pauses between attempts without progress; after the last the process ends."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Reads `HEADRACE_…`; raises PermanentError that names a variable, never its value."""
        needed = ("RUN_ID", "EPOCH", "STORE_DSN", "SOURCE_DSN", "TARGET_DSN")
        missing = [f"HEADRACE_{name}" for name in needed if not environ.get(f"HEADRACE_{name}")]
        if missing:
            raise PermanentError(f"The environment lacks {', '.join(missing)}")
        return cls(
            run_id=environ["HEADRACE_RUN_ID"],
            epoch=int(_number(environ, "HEADRACE_EPOCH", 0)),
            store_dsn=environ["HEADRACE_STORE_DSN"],
            source_dsn=environ["HEADRACE_SOURCE_DSN"],
            target_dsn=environ["HEADRACE_TARGET_DSN"],
            termination_log=Path(environ.get("HEADRACE_TERMINATION_LOG") or TERMINATION_LOG),
            grace_seconds=_number(environ, "HEADRACE_GRACE_SECONDS", GRACE_SECONDS),
        )


def _number(environ: Mapping[str, str], name: str, default: float) -> float:
    try:
        return float(environ.get(name) or default)
    except ValueError:
        raise PermanentError(f"{name} is not a number") from None
