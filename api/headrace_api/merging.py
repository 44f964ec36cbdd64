"""One page of the store's rows, and of the runs for which their resources decide; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from headrace.store.records import RunRecord
from headrace_api import times
from headrace_api.paging import Shown, ordered
from headrace_api.translate.executions import Execution
from headrace_api.translate.runs import show_record

Row = RunRecord | Execution


@dataclass(frozen=True, slots=True)
class Window:
    """The store's rows that a page is made of."""

    start: int
    limit: int

    @classmethod
    def around(cls, *, limit: int, offset: int, live: int) -> Self:
        """For a page in or before which `live` runs may stand that are not the store's."""
        start = max(0, offset - live)
        return cls(start, offset + limit - start)


def merge_page(
    rows: Sequence[RunRecord], window: Window, *, live: Sequence[Execution], sort: str, limit: int, offset: int
) -> list[Row]:
    """The page of all that the store has, of which `rows` are the window's, and of `live`; no run is in both."""
    items: list[Row] = [*rows, *live]
    entries = ordered(({**_key(item), "item": item} for item in items), sort)
    first = offset - window.start
    return [entry["item"] for entry in entries[first : first + limit]]


def _key(item: Row) -> Shown:
    """All that a list can be sorted by."""
    if isinstance(item, Execution):
        figures = item.figures
    else:
        # The store sorts by what it has, also where that is not shown.
        figures = show_record(item) | {"started_at": times.show(item.started_at) if item.started_at else None}
    return {**figures, "state": figures["status"]}
