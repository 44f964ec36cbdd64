"""How servers are reached, where a file says it: read anew at each connect, for a password may have been changed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from headrace.errors import PermanentError, TransientError

ELASTICSEARCH = "HEADRACE_ELASTICSEARCH"
NAMES = ("url", "api_key", "username", "password", "ca", "verify")


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

    @classmethod
    def of(cls, values: Mapping[str, str | None]) -> "ElasticsearchSettings | None":
        """From texts by name, of which an empty one is none; None without a url."""
        texts = {name: values.get(name) or None for name in NAMES}
        url, verify = texts.pop("url"), texts.pop("verify")
        if verify not in (None, "true", "false"):
            raise PermanentError(f"{ELASTICSEARCH}_VERIFY is neither true nor false")
        return None if url is None else cls(url=url, verify=verify != "false", **texts)


def dsn_of(given: str | Path, part: str) -> str:
    """The connection string of a part (`the source`), as it is now; raises TransientError when its file is not there.

    The file may be on its way: Kubernetes mounts a Secret when it has it.
    """
    if isinstance(given, str):
        return given
    text = _read(given, part).strip()
    if not text:
        raise TransientError(f"{part[:1].upper()}{part[1:]}: the file with its connection string is empty")
    return text


def elasticsearch_of(given: ElasticsearchSettings | Path) -> ElasticsearchSettings:
    """How Elasticsearch is reached now; raises TransientError when the file is not there."""
    if isinstance(given, ElasticsearchSettings):
        return given
    try:
        values = json.loads(_read(given, "Elasticsearch"))
    except ValueError:
        values = None
    if not isinstance(values, dict) or not all(isinstance(text, str | None) for text in values.values()):
        raise PermanentError(f"{ELASTICSEARCH}_FILE names a file that holds no JSON object of texts")
    found = ElasticsearchSettings.of(values)
    if found is None:
        raise PermanentError(f"{ELASTICSEARCH}_FILE names a file without a url")
    return found


def _read(path: Path, part: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        reason = "is missing" if isinstance(error, FileNotFoundError) else "can't be read"
        raise TransientError(f"{part[:1].upper()}{part[1:]}: the file that says how it is reached {reason}") from None
