"""Where the databases are, and who we are there."""

from pydantic import Field

from headrace_chart.section import Section

# No value here has a pattern: a schema's error would print it, with the password that it may hold. checks.yaml looks
# at their form.


class Elasticsearch(Section):
    """An index as target."""

    url: str = ""
    """Where it is, such as `https://search.example:9200`, without user and password."""
    api_key: str = ""
    """An API key. Without one, username and password; with one they do not count."""
    username: str = ""
    """Who we are there."""
    password: str = ""
    """The password to it."""
    ca: str = ""
    """The certificate, in PEM, that signed the server's."""
    verify: bool = True
    """Whether the server's certificate is checked. `false` takes any."""


class Connections(Section):
    """DSNs and credentials: `existingSecret`, or the values below it, from which the chart makes a Secret."""

    existing_secret: str = ""
    """A Secret in the release's namespace with the keys `store` (required), `source`, `target`, and for Elasticsearch
    `elasticsearch-url` and what else it takes (docs/operations.md). Nothing of it passes through Helm."""
    store: str = ""
    """DSN of the store, Headrace's own Postgres: `postgresql://user:password@host:5432/database`. One that is given
    here is also in the release's history; `existingSecret` is not."""
    source: str = ""
    """DSN of the Postgres that rows are read from. Its role should only be able to read (docs/security.md)."""
    target: str = ""
    """DSN of the Postgres that rows are written to."""
    elasticsearch: Elasticsearch = Field(default_factory=Elasticsearch)
    """For pipelines into an index."""
