"""What the Job tells the runner, by environment variables; all else is in the run's spec."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from headrace.errors import PermanentError
from headrace.target import patterns_of
from headrace_runner.credentials import ELASTICSEARCH

if TYPE_CHECKING:
    from headrace.search.settings import ElasticsearchSettings

GRACE_SECONDS = 25.0
TERMINATION_LOG = "/dev/termination-log"
ALLOWED = "ALLOWED_TARGET_TABLES"
RETRY_SECONDS = (1.0, 2.0, 4.0, 8.0)
_NEEDED = ("HEADRACE_RUN_ID", "HEADRACE_EPOCH", "HEADRACE_STORE_DSN")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One runner's settings."""

    run_id: str
    epoch: int
    """Of this Job: a greater one takes the fence."""
    store_dsn: str = field(repr=False)
    source_dsn: str | Path = field(repr=False)
    """A path: the file that holds it, read anew at each connect."""
    target_dsn: str | Path | None = field(repr=False)
    """Of a Postgres target."""
    allowed_targets: tuple[str, ...]
    """The installation's list, from its own settings and not from the store: a run's spec is held to it."""
    elasticsearch: "ElasticsearchSettings | Path | None" = None
    termination_log: Path = Path(TERMINATION_LOG)
    grace_seconds: float = GRACE_SECONDS
    """After SIGTERM the batch in hand may finish within this time."""
    retry_seconds: tuple[float, ...] = RETRY_SECONDS
    """The pauses between attempts without progress; after the last the process ends."""
    lasting_seconds: float = 15.0
    """Between two attempts of a stream whose source or target stays away: it was there once, and is waited for."""
    rotation_seconds: float = 180.0
    """How long a run waits for other credentials, from the first refusal on: Kubernetes may take 90 s to bring them."""
    again_seconds: float = 15.0
    """Between two attempts with the same ones: a server may be later than the file."""
    look_seconds: float = 2.0
    """Between two looks at the file."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Reads `HEADRACE_…`; raises PermanentError that names a variable, never its value."""
        missing = [name for name in _NEEDED if not environ.get(name)]
        source_dsn = _dsn(environ, "HEADRACE_SOURCE_DSN")
        missing += [] if source_dsn else ["HEADRACE_SOURCE_DSN"]
        # An empty list allows nothing; without any we can't know, as in a Job of an operator that does not hand it on.
        missing += [] if ALLOWED in environ else [ALLOWED]
        if missing:
            raise PermanentError(f"The environment lacks {', '.join(missing)}")
        return cls(
            run_id=environ["HEADRACE_RUN_ID"],
            epoch=int(_number(environ, "HEADRACE_EPOCH", 0)),
            store_dsn=environ["HEADRACE_STORE_DSN"],
            source_dsn=source_dsn or "",
            target_dsn=_dsn(environ, "HEADRACE_TARGET_DSN"),
            allowed_targets=patterns_of(environ[ALLOWED]),
            elasticsearch=_elasticsearch(environ),
            termination_log=Path(environ.get("HEADRACE_TERMINATION_LOG") or TERMINATION_LOG),
            grace_seconds=_number(environ, "HEADRACE_GRACE_SECONDS", GRACE_SECONDS),
        )


def _dsn(environ: Mapping[str, str], name: str) -> str | Path | None:
    """A connection string, or the file that holds it."""
    text, path = environ.get(name) or None, environ.get(f"{name}_FILE")
    _refuse_both(name, f"{name}_FILE", both=bool(text and path))
    return Path(path) if path else text


def _elasticsearch(environ: Mapping[str, str]) -> "ElasticsearchSettings | Path | None":
    url, path = environ.get(f"{ELASTICSEARCH}_URL"), environ.get(f"{ELASTICSEARCH}_FILE")
    _refuse_both(f"{ELASTICSEARCH}_URL", f"{ELASTICSEARCH}_FILE", both=bool(url and path))
    if not url:
        return Path(path) if path else None
    # Only by hand is a runner told so: those of Jobs, most of which write no index, need not import it.
    from headrace.search.settings import NAMES, ElasticsearchSettings

    return ElasticsearchSettings.of({name: environ.get(f"{ELASTICSEARCH}_{name.upper()}") for name in NAMES})


def _refuse_both(name: str, other: str, *, both: bool) -> None:
    if both:
        raise PermanentError(f"The environment has {name} and {other}: leave one of them out")


def _number(environ: Mapping[str, str], name: str, default: float) -> float:
    try:
        return float(environ.get(name) or default)
    except ValueError:
        raise PermanentError(f"{name} is not a number") from None
