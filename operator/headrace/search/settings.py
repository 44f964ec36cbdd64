"""What has to be known of an Elasticsearch, as it is written into a Secret, a file or the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from headrace.errors import PermanentError

NAMES = ("url", "api_key", "username", "password", "ca", "verify")


@dataclass(frozen=True, slots=True, kw_only=True)
class ElasticsearchSettings:
    """How an Elasticsearch is reached; secrets in them are never shown."""

    url: str = field(repr=False)
    """`https://host:port`, with a path in front of the API's if there is one; may carry `user:password@`."""
    api_key: str | None = field(default=None, repr=False)
    """Encoded, as Elasticsearch gives it; user name and password do not count then."""
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
        url, verify = texts.pop("url"), (texts.pop("verify") or "true").strip()
        if verify not in {"true", "false"}:
            raise PermanentError("Elasticsearch: verify is neither true nor false", field="verify")
        return None if url is None else cls(url=url, verify=verify == "true", **texts)
