"""What things are called in each kind of report."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The words of one kind of report."""

    title: str
    """Of its plot."""
    plain: str
    """What all is compared with."""
    measure: str
    """The same in short, beside "1.0 =" in the plot."""
    rows: str = "rows"
    writes_wal: bool = True
    """What Postgres wrote is worth a column."""


_PIPE = "psql COPY | psql COPY"
WORDS: Mapping[str, Words] = {
    "bench": Words(title="How fast rows move, beside a plain pipe", plain="plain pipe", measure=_PIPE),
    "peers": Words(title="Headrace and others, beside a plain pipe", plain="plain pipe", measure=_PIPE),
    "elasticsearch": Words(
        title="Postgres to Elasticsearch, beside bodies built beforehand",
        plain="bodies built beforehand, 2 connections",
        measure="bodies built beforehand",
        rows="documents",
        writes_wal=False,
    ),
}
