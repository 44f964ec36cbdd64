"""Deletes the documents that left the query, a page at a time: by their versions, or by both sides in key order.

Either can be begun again after a crash: what is deleted already is not found any more.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from headrace.errors import PermanentError
from headrace_runner.protocols import Batch
from headrace_runner.targets.elasticsearch.pages import Document, pages_of
from headrace_runner.targets.elasticsearch.senders import Senders
from headrace_runner.targets.elasticsearch.walk import Order, Walk

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

_AT_ONCE = 5_000
"""Deletes of one body, 0.5 MB."""


def prune_unseen(
    client: Elasticsearch, index: str, senders: Senders, *, below: int, version: int, spared: Collection[str]
) -> int:
    """Deletes what has a version `below` this one, which the run did not write; returns how many documents those were.

    Only what searches see is found: refresh before. `version` is a fresh one, above all that were drawn; `spared` are
    the ids of documents whose rows the run read and the index refused.
    """
    deletes = Deletes(senders)
    with closing(pages_of(client, index)) as pages:
        for page in pages:
            deletes.add(
                _line(document.id, version, "external")
                for document in page
                if document.version < below and document.id not in spared
            )
    return deletes.flush()


class WalkPruner:
    """Takes all keys of the source, in order, and deletes the documents of the index that are not among them."""

    def __init__(self, client: Elasticsearch, index: str, senders: Senders, order: Order) -> None:
        """Only what searches see is found: refresh before."""
        self._pages = pages_of(client, index, order.fields)
        self._walk = Walk(order, self._pages)
        self._deletes = Deletes(senders)
        self.rows = 0
        """Keys that were taken."""

    def keep(self, batches: Sequence[Batch]) -> None:
        """Takes batches whose rows are keys in COPY's text format."""
        for batch in batches:
            for row in batch.rows.split():
                _, extra = self._walk.passes(row)
                if extra:
                    self._deletes.add(_as_seen(extra))
            self.rows += len(batch.rows)

    def finish(self) -> int:
        """After the last key: deletes what is beyond it; returns how many documents were deleted in all."""
        self._deletes.add(_as_seen(self._walk.rest()))
        self.close()
        return self._deletes.flush()

    def close(self) -> None:
        """Lets go of the point in time."""
        self._pages.close()


class Deletes:
    """Deletes on their way, not more of them in memory than make a body."""

    def __init__(self, senders: Senders) -> None:
        self._senders = senders
        self._lines: list[tuple[bytes, bytes]] = []
        self._done = 0

    def add(self, actions: Iterable[bytes]) -> None:
        """Some more; waits while the senders have enough to do."""
        for action in actions:
            self._lines.append((action, b""))
            if len(self._lines) >= _AT_ONCE:
                self._post()

    def flush(self) -> int:
        """Waits for all of them; returns how many there were."""
        if self._lines:
            self._post()
        self._senders.flush()
        self._take()
        return self._done

    def _post(self) -> None:
        self._senders.post(self._lines)
        self._lines = []
        self._take()

    def _take(self) -> None:
        for done in self._senders.done():
            if done.bad:
                raise PermanentError(f"The index refused a delete: {done.bad[0].reason}")
            self._done += done.written


def _as_seen(documents: Iterable[Document]) -> Iterator[bytes]:
    """Deletes in the version that was found: one that was written since is another, and stays."""
    return (_line(document.id, document.version, "external_gte") for document in documents)


def _line(document_id: str, version: int, rule: str) -> bytes:
    action = {"_id": document_id, "version": version, "version_type": rule}
    return json.dumps({"delete": action}, ensure_ascii=False, separators=(",", ":")).encode()
