"""Where an Elasticsearch is and how it lets us in, out of the settings."""

import ssl
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import SplitResult, unquote, urlsplit

from headrace.errors import PermanentError
from headrace_runner.credentials import ElasticsearchSettings

_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """What each connection needs to know; the TLS context costs 20 ms and is shared by all."""

    host: str = field(repr=False)
    port: int = field(repr=False)
    prefix: str = field(repr=False)
    """In front of each path; empty or `/…` without a slash at the end."""
    authorization: str | None = field(repr=False)
    tls: ssl.SSLContext | None
    """None: plain HTTP."""

    @classmethod
    def from_settings(cls, settings: ElasticsearchSettings) -> Self:
        """Raises PermanentError that says which setting is wrong, never its value."""
        try:
            url = urlsplit(settings.url.strip())
            host, port = url.hostname, url.port or _PORTS[url.scheme]
        except (ValueError, KeyError):
            raise PermanentError(f"{_NAME}_URL is no address: it looks like https://host:9200") from None
        if not host or url.query or url.fragment:
            raise PermanentError(f"{_NAME}_URL is no address: it looks like https://host:9200")
        return cls(
            host=host,
            port=port,
            prefix=url.path.rstrip("/"),
            authorization=_authorization(settings, url),
            tls=_tls(settings) if url.scheme == "https" else None,
        )


_NAME = "HEADRACE_ELASTICSEARCH"


def _authorization(settings: ElasticsearchSettings, url: SplitResult) -> str | None:
    # A Secret that was made from a file often ends with a newline.
    api_key = (settings.api_key or "").strip()
    username = settings.username or unquote(url.username or "")
    password = settings.password or unquote(url.password or "")
    if api_key:
        if username:
            raise PermanentError(f"Both {_NAME}_API_KEY and a user name are set: leave one of them out")
        if not (api_key.isascii() and api_key.isprintable()):
            raise PermanentError(f"{_NAME}_API_KEY is no encoded API key")
        return f"ApiKey {api_key}"
    if username:
        pair = f"{username.strip()}:{password.rstrip(_NEWLINES)}"
        return f"Basic {b64encode(pair.encode()).decode()}"
    return None


_NEWLINES = "\r\n"


def _tls(settings: ElasticsearchSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=settings.ca)
    except (ssl.SSLError, ValueError):
        raise PermanentError(f"{_NAME}_CA holds no certificate in PEM") from None
    # From Python 3.13 on a CA without a key usage is refused; those that elasticsearch-certutil makes have none.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
