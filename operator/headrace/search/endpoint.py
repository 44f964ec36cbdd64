"""Where an Elasticsearch is and how it lets us in, out of the settings."""

import ssl
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import SplitResult, unquote, urlsplit

from headrace.errors import CredentialsError, PermanentError
from headrace.pem import certificates
from headrace.search.settings import ElasticsearchSettings

_PORTS = {"https": 443, "http": 80}
_PART = "Elasticsearch"
_NEWLINES = "\r\n"


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
        """Raises PermanentError that says which setting is wrong, by its `field` too, never its value."""
        unreadable = PermanentError(f"{_PART}: url is no address: it looks like https://host:9200", field="url")
        try:
            url = urlsplit(settings.url.strip())
            host, port = url.hostname, url.port
        except ValueError:
            raise unreadable from None
        # A scheme with a typing error must not send the password in clear text.
        if url.scheme not in _PORTS or not host or url.query or url.fragment:
            raise unreadable
        return cls(
            host=host,
            port=port or _PORTS[url.scheme],
            prefix=url.path.rstrip("/"),
            authorization=_authorization(settings, url),
            tls=_tls(settings) if url.scheme == "https" else None,
        )


def _authorization(settings: ElasticsearchSettings, url: SplitResult) -> str | None:
    # A Secret that was made from a file often ends with a newline.
    api_key = (settings.api_key or "").strip()
    username = settings.username or unquote(url.username or "")
    password = settings.password or unquote(url.password or "")
    if api_key:
        if not (api_key.isascii() and api_key.isprintable()):
            raise CredentialsError(f"{_PART}: api_key is no encoded API key", part=_PART, field="api_key")
        return f"ApiKey {api_key}"
    if username:
        pair = f"{username.strip()}:{password.rstrip(_NEWLINES)}"
        return f"Basic {b64encode(pair.encode()).decode()}"
    return None


def _tls(settings: ElasticsearchSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=certificates(settings.ca) if settings.ca else None)
    except (ssl.SSLError, ValueError):
        words = f"{_PART}: ca holds no certificate in PEM that can be read"
        raise CredentialsError(words, part=_PART, field="ca") from None
    # From Python 3.13 on a CA without a key usage is refused; those that elasticsearch-certutil makes have none.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
