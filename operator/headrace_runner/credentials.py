"""How servers are reached, where a file says it: read anew at each connect, for a password may have been changed."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.errors import PermanentError, TransientError

if TYPE_CHECKING:
    from headrace.search.settings import ElasticsearchSettings

ELASTICSEARCH = "HEADRACE_ELASTICSEARCH"


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


def elasticsearch_of(given: "ElasticsearchSettings | Path") -> "ElasticsearchSettings":
    """How Elasticsearch is reached now; raises TransientError when the file is not there."""
    if not isinstance(given, Path):
        return given
    from headrace.search.settings import ElasticsearchSettings

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
