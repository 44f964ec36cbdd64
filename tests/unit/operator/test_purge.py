"""Pipelines that were deleted while no operator watched: their history is marked too; and what is old is removed."""

from datetime import UTC, datetime, timedelta

import pytest

from headrace.cluster import Listing
from headrace.errors import UnavailableError
from headrace_operator.purge import Purge
from headrace_operator.settings import Settings


class Kubernetes:
    """Has these pipelines."""

    def __init__(self, *uids):
        self._uids = uids

    async def list(self, plural):
        return Listing([{"metadata": {"uid": uid}} for uid in self._uids], "9")


class History:
    """Knows runs of these pipelines."""

    def __init__(self, *uids):
        self._uids = set(uids)
        self.marked = []
        self.trimmed = self.previews = 0
        self.wal: list[datetime] = []

    async def pipelines_with_history(self, installation, namespace):
        assert (installation, namespace) == ("default", "headrace")
        return self._uids

    async def mark_deleted(self, pipeline_uid):
        self.marked.append(pipeline_uid)

    async def purge(self, older_than):
        return 0

    async def trim_logs(self):
        self.trimmed += 1
        return 5

    async def purge_previews(self):
        self.previews += 1
        return 0

    async def purge_wal(self, scope, before):
        assert scope == ("default", "headrace")
        self.wal.append(before)
        return 10


@pytest.mark.parametrize(
    ("there", "known", "marked"),
    [
        (("a", "new"), ("a", "b", "c"), ["b", "c"]),
        (("a",), ("a",), []),
        # Perhaps the wrong cluster: nothing that is there is known.
        ((), ("a", "b"), []),
        (("x",), ("a", "b"), []),
    ],
)
async def test_history_is_marked_that_belongs_to_no_pipeline_of_this_very_cluster(there, known, marked):
    history = History(*known)
    await Purge(Kubernetes(*there), history, Settings(store_dsn="postgresql://x")).once()
    assert history.marked == marked
    # A stream's log grows for ever.
    assert history.trimmed == 1


async def test_what_was_measured_is_kept_for_the_days_that_the_installation_asks_for():
    history = History()
    await Purge(Kubernetes("a"), history, Settings(store_dsn="postgresql://x", wal_history_days=2.5)).once()
    age = datetime.now(UTC) - history.wal[0]
    assert timedelta(days=2.5) <= age < timedelta(days=2.5, minutes=1)
    assert history.previews == 1


@pytest.mark.parametrize("part", ["pipelines_with_history", "purge", "trim_logs", "purge_previews"])
async def test_what_can_not_be_removed_now_keeps_nothing_else(part, monkeypatch):
    async def fails(*_):
        raise UnavailableError("the statement took too long", part="postgres")

    history = History()
    monkeypatch.setattr(history, part, fails)
    await Purge(Kubernetes("a"), history, Settings(store_dsn="postgresql://x")).once()
    assert len(history.wal) == 1
