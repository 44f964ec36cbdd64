"""The runs of a whole namespace, whatever their pipeline: listed in any order, page by page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, LiteralString

import psycopg
from psycopg.rows import class_row

from headrace.store.ids import as_uuids
from headrace.store.records import RunRecord
from headrace.store.runs import COLUMNS, Connection

Scope = tuple[str, str]
"""Installation and namespace."""
LISTED: LiteralString = "deleted_at IS NULL AND kind <> 'Reconcile'"
"""As the indexes say it: all but what was deleted, reconciles, and previews, which are marked from the beginning."""
# Where a value may be missing, it comes last both ways.
_SORTED_BY: Mapping[str, tuple[LiteralString, LiteralString]] = MappingProxyType(
    {
        "id": ("runs.run_id", ""),
        "created_at": ("created_at", ""),
        "started_at": ("started_at", "NULLS LAST"),
        "finished_at": ("finished_at", "NULLS LAST"),
        "state": ("status", ""),
        "status": ("status", ""),
        "pipeline_id": ("pipeline_uid", ""),
        "rows_read": ("rows_read", ""),
        "rows_written": ("rows_written", ""),
    }
)
SORT_FIELDS = frozenset(_SORTED_BY)
"""What a list can be sorted by; a `-` before it turns the order round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which runs are meant."""

    scope: Scope
    pipeline_uids: Sequence[str] | None = None
    """Those of these pipelines; None for all."""
    status: str | None = None
    streams: bool = False
    """Only those that go on until they are stopped."""
    without: Sequence[str] = ()
    """None of these, by id: the caller knows better about them."""

    @property
    def listed(self) -> LiteralString:
        """Which rows count at all, as the indexes say it."""
        listed: LiteralString = f"{LISTED} AND is_stream" if self.streams else LISTED
        # Not `<> ALL`: before PostgreSQL 15 that compares each row with each of them.
        return f"{listed} AND run_id NOT IN (SELECT unnest(%(without)s::uuid[]))" if self.without else listed

    @property
    def where(self) -> LiteralString:
        """The condition, without what is not asked for: a parameter that may be null would hide an index."""
        where: LiteralString = "installation = %(installation)s AND namespace = %(namespace)s"
        return where if self.status is None else f"{where} AND status = %(status)s"

    @property
    def values(self) -> dict[str, Any]:
        """What the conditions name."""
        installation, namespace = self.scope
        uids = as_uuids(self.pipeline_uids or ())
        return {
            "installation": installation,
            "namespace": namespace,
            "pipeline_uids": uids,
            "status": self.status,
            "without": as_uuids(self.without),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which of the runs that are wanted, in their order."""

    sort: str = "-created_at"
    limit: int
    offset: int = 0

    @property
    def order(self) -> LiteralString:
        """For an ORDER BY. Raises KeyError for a sort that is not one of SORT_FIELDS."""
        column, nulls = _SORTED_BY[self.sort.removeprefix("-")]
        direction: LiteralString = "DESC" if self.sort.startswith("-") else "ASC"
        return f"{column} {direction} {nulls}, runs.run_id {direction}"


async def list_all_runs(connection: Connection, wanted: Wanted, page: Page) -> list[RunRecord]:
    """Returns a page of runs; those that its sort leaves equal come by id in the same direction."""
    query = whole_rows(await _ids(connection, wanted, page), page)
    values = {**wanted.values, "limit": page.limit, "offset": page.offset, "until": page.offset + page.limit}
    async with connection.cursor(row_factory=class_row(RunRecord)) as cursor:
        return await (await cursor.execute(query, values)).fetchall()


async def _ids(connection: Connection, wanted: Wanted, page: Page) -> LiteralString:
    # Of streams there are few, and none is counted by itself.
    is_by_time = page.sort.removeprefix("-") == "created_at" and not wanted.streams
    if wanted.pipeline_uids is not None and is_by_time and await _are_few(connection, wanted, page):
        return by_pipeline(wanted, page)
    return straight(wanted, page)


async def _are_few(connection: Connection, wanted: Wanted, page: Page) -> bool:
    """Whether to look at each pipeline is less than to go through the runs of all until the page is full.

    The server's own guess is wrong where it hurts: of pipelines that have hardly run it reads an index to its end.
    """
    query = f"""
        SELECT coalesce(sum(least(runs, %(until)s)) FILTER (WHERE u.uid IS NOT NULL), 0),
               coalesce(sum(runs) FILTER (WHERE u.uid IS NOT NULL), 0), coalesce(sum(runs), 0)
        FROM headrace.run_counts LEFT JOIN (SELECT DISTINCT unnest(%(pipeline_uids)s::uuid[])) AS u (uid)
            ON u.uid = pipeline_uid
        WHERE {wanted.where}
    """
    until = page.offset + page.limit
    row = await (await connection.execute(query, {**wanted.values, "until": until})).fetchone()
    if row is None:
        raise psycopg.InternalError
    of_each, theirs, of_all = map(int, row)
    return of_each * theirs <= min(until, theirs) * of_all


def straight(wanted: Wanted, page: Page) -> LiteralString:
    """The ids of a page, from the runs of all pipelines in their order."""
    of: LiteralString = "" if wanted.pipeline_uids is None else "AND pipeline_uid = ANY(%(pipeline_uids)s)"
    return f"""
        SELECT run_id FROM headrace.runs WHERE {wanted.where} {of} AND {wanted.listed}
        ORDER BY {page.order} LIMIT %(limit)s OFFSET %(offset)s
    """


def by_pipeline(wanted: Wanted, page: Page) -> LiteralString:
    """The same, of a page by time, from what each pipeline would have in it: by the counters, of each status."""
    return f"""
        SELECT runs.run_id FROM (
            SELECT pipeline_uid, status FROM headrace.run_counts
            WHERE {wanted.where} AND pipeline_uid = ANY(%(pipeline_uids)s) AND run_counts.runs > 0
        ) AS counted CROSS JOIN LATERAL (
            SELECT run_id, created_at FROM headrace.runs
            WHERE (pipeline_uid, status) = (counted.pipeline_uid, counted.status) AND {wanted.listed}
            ORDER BY {page.order} LIMIT %(until)s
        ) AS runs ORDER BY {page.order} LIMIT %(limit)s OFFSET %(offset)s
    """


def whole_rows(ids: LiteralString, page: Page) -> LiteralString:
    """The query of a page. Whole rows are read for it alone: what comes before it is counted off in an index."""
    return f"""
        WITH page AS ({ids})
        SELECT {COLUMNS} FROM headrace.runs JOIN page USING (run_id) ORDER BY {page.order}
    """
