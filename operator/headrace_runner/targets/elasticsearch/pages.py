"""All documents of an index as they were at one moment, page by page: ids and versions, never their content.

A point in time with `search_after`; it holds no more than a page in memory, however great the index.
https://www.elastic.co/docs/reference/elasticsearch/rest-apis/paginate-search-results
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.errors import TransientError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

PAGE = 10_000
"""What `index.max_result_window` allows at most, unless somebody changed it."""
KEEP_ALIVE = "5m"
"""Between two pages: by then all deletes of a page are through, also when Elasticsearch asks for patience."""
_ONLY = ["pit_id", "hits.hits._id", "hits.hits._version", "hits.hits.sort"]
IN_ANY_ORDER: tuple[str, ...] = ("_shard_doc",)
"""The cheapest one."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document."""

    id: str
    version: int
    sort: tuple[Any, ...]
    """The values that it was sorted by; None, or the greatest number, where it has none."""


def pages_of(
    client: Elasticsearch, index: str, by: Sequence[str] = IN_ANY_ORDER, size: int = PAGE
) -> Generator[list[Document], None, None]:
    """All documents that searches see, by these fields, upwards; close the iterator when not all are wanted.

    What was written since the last refresh is not among them, and what changes meanwhile stays as it was. Raises the
    client's errors, and TransientError when the point in time is lost.
    """
    with _point_in_time(client, index) as point:
        after: tuple[Any, ...] | None = None
        while True:
            page = _page(client, point, by, size, after)
            if page:
                yield page
            if len(page) < size:
                return
            after = page[-1].sort


@contextmanager
def _point_in_time(client: Elasticsearch, index: str) -> Iterator[dict[str, str]]:
    """What a search is told; its id may change from page to page."""
    from elasticsearch import NotFoundError

    # Without a shard its documents would be missing from the answer, and nobody would know.
    answer = client.open_point_in_time(index=index, keep_alive=KEEP_ALIVE, allow_partial_search_results=False)
    point = {"id": answer["id"], "keep_alive": KEEP_ALIVE}
    try:
        yield point
    except NotFoundError as error:
        raise TransientError("Elasticsearch: what was found of the index was lost, a node of it ended") from error
    finally:
        from elastic_transport import ApiError, TransportError

        # It ends by itself.
        with suppress(ApiError, TransportError):
            client.close_point_in_time(id=point["id"])


def _page(
    client: Elasticsearch, point: dict[str, str], by: Sequence[str], size: int, after: tuple[Any, ...] | None
) -> list[Document]:
    answer = client.search(
        pit=point,
        size=size,
        sort=[{field: "asc"} for field in by],
        search_after=None if after is None else list(after),
        source=False,
        version=True,
        track_total_hits=False,
        allow_partial_search_results=False,
        filter_path=_ONLY,
    ).body
    point["id"] = answer.get("pit_id", point["id"])
    hits = answer.get("hits", {}).get("hits", ())
    return [Document(hit["_id"], hit["_version"], tuple(hit["sort"])) for hit in hits]
