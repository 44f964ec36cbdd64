"""Pages of the platform family's lists: how many, from where on, in which order; pure."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from fastapi import Query

from headrace_api import times

Shown = dict[str, Any]

NEWEST_FIRST = "-created_at"
MOST = 100
Limit = Annotated[int, Query(ge=1, le=MOST, description="How many at most.")]
Offset = Annotated[int, Query(ge=0, le=2**31 - 1, description="How many to leave out at the beginning.")]


def sorting(*fields: str) -> Any:
    """The query parameter `sort`: one of these fields, `-` before it for descending; any other is refused with 422.

    Use: `sort: Annotated[str, sorting("name", "created_at")] = NEWEST_FIRST`.
    """
    known = ", ".join(fields)
    return Query(pattern=rf"^-?({'|'.join(fields)})$", description=f"A field; `-` before it for descending: {known}.")


def ordered(items: Iterable[Shown], sort: str) -> list[Shown]:
    """The items in order, those without a value last; those that are equal in it by id, so that pages fit together."""
    name, descending = sort.removeprefix("-"), sort.startswith("-")
    known: list[Shown] = []
    unknown: list[Shown] = []
    for item in items:
        (unknown if item[name] is None else known).append(item)
    known.sort(key=lambda item: (_sortable(name, item[name]), item["id"]), reverse=descending)
    return known + sorted(unknown, key=lambda item: str(item["id"]), reverse=descending)


def page(items: Sequence[Shown], *, limit: int | None, offset: int) -> list[Shown]:
    """A part of the list; without a limit, all from the offset on."""
    return list(items[offset : None if limit is None else offset + limit])


def _sortable(name: str, value: Any) -> Any:
    is_time = name.endswith("_at") or name in {"from", "to"}
    return times.sortable(times.parse(value) or times.EPOCH) if is_time else value
