"""What the Job tells the runner, by environment variables; all else is in the run's spec."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from headrace.errors import PermanentError
from headrace.target import patterns_of

GRACE_SECONDS = 25.0
TERMINATION_LOG = "/dev/termination-log"
ALLOWED = "ALLOWED_TARGET_TABLES"
RETRY_SECONDS = (1.0, 2.0, 4.0, 8.0)
_ELASTICSEARCH = ("url", "api_key", "username", "password", "ca", "verify")


@dataclass(frozen=True, slots=True, kw_only=True)
class ElasticsearchSettings:
    """How an Elasticsearch is reached; secrets in them are never shown."""

    url: str = field(repr=False)
    """`https://host:port`, with a path in front of the API's if there is one; may carry `user:password@`."""
    api_key: str | None = field(default=None, repr=False)
    """Encoded, as Elasticsearch gives it."""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: str | None = field(default=None, repr=False)
    """Certificates in PEM that the server's is verified by; None: those of the machine."""
    verify: bool = True
    """False takes any certificate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One runner's settings."""

    run_id: str
    epoch: int
    """Of this Job: a greater one takes the fence."""
    store_dsn: str
    source_dsn: str
    target_dsn: str | None
    """Of a Postgres target."""
    allowed_targets: tuple[str, ...]
    """The installation's list, from its own settings and not from the store: a run's spec is held to it."""
    elasticsearch: ElasticsearchSettings | None = None
    termination_log: Path = Path(TERMINATION_LOG)
    grace_seconds: float = GRACE_SECONDS
    """After SIGTERM the batch in hand may finish within this time."""
    retry_seconds: tuple[float, ...] = RETRY_SECONDS
    """The pauses between attempts without progress; after the last the process ends."""
    lasting_seconds: float = 15.0
    """Between two attempts of a stream whose source or target stays away: it was there once, and is waited for."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Reads `HEADRACE_…`; raises PermanentError that names a variable, never its value."""
        needed = ("RUN_ID", "EPOCH", "STORE_DSN", "SOURCE_DSN")
        missing = [f"HEADRACE_{name}" for name in needed if not environ.get(f"HEADRACE_{name}")]
        # An empty list allows nothing; without any we can't know, as in a Job of an operator that does not hand it on.
        missing += [] if ALLOWED in environ else [ALLOWED]
        if missing:
            raise PermanentError(f"The environment lacks {', '.join(missing)}")
        return cls(
            run_id=environ["HEADRACE_RUN_ID"],
            epoch=int(_number(environ, "HEADRACE_EPOCH", 0)),
            store_dsn=environ["HEADRACE_STORE_DSN"],
            source_dsn=environ["HEADRACE_SOURCE_DSN"],
            target_dsn=environ.get("HEADRACE_TARGET_DSN") or None,
            allowed_targets=patterns_of(environ[ALLOWED]),
            elasticsearch=_elasticsearch(environ),
            termination_log=Path(environ.get("HEADRACE_TERMINATION_LOG") or TERMINATION_LOG),
            grace_seconds=_number(environ, "HEADRACE_GRACE_SECONDS", GRACE_SECONDS),
        )


def _elasticsearch(environ: Mapping[str, str]) -> ElasticsearchSettings | None:
    values = {name: environ.get(f"HEADRACE_ELASTICSEARCH_{name.upper()}") or None for name in _ELASTICSEARCH}
    url = values.pop("url")
    if url is None:
        return None
    verify = _boolean("HEADRACE_ELASTICSEARCH_VERIFY", values.pop("verify"))
    return ElasticsearchSettings(url=url, verify=verify, **values)


def _boolean(name: str, value: str | None) -> bool:
    if value is None or value in ("true", "false"):
        return value != "false"
    raise PermanentError(f"{name} is neither true nor false")


def _number(environ: Mapping[str, str], name: str, default: float) -> float:
    try:
        return float(environ.get(name) or default)
    except ValueError:
        raise PermanentError(f"{name} is not a number") from None
