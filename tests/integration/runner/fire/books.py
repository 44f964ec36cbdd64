"""The books of one pipeline: what its runs say that they read and wrote, beside what is found in source and target."""

from typing import Any

import psycopg
import pytest
from tests.integration.runner.fire.ledger import Ledger
from tests.integration.runner.fire.modes import TABLE, Mode


class Books:
    """Opened before the first run; `check` at any time, `settle` when a run has ended."""

    def __init__(self, rig: Any, mode: Mode) -> None:
        self._rig = rig
        self._mode = mode
        self._ledger = _ledger(rig) if mode.is_logged else None
        self._before: dict[str, str] = {}
        self._to_read = 0
        self._logged = 0

    def begin(self) -> None:
        """A run is to start; the source rests from now on."""
        self._before = self._rows()
        self._to_read = self._mode.rows_to_read(self._rig)
        self._logged = self.check()

    def check(self) -> int:
        """Fails unless each transaction counted just the rows that it wrote; returns how many were written so far."""
        return self._ledger.check() if self._ledger else 0

    def settle(self, ended: Any, *, may_read_twice: bool = False) -> None:
        """The run is done: it counted each row once, and the target equals the source."""
        assert (ended.code, ended.outcome) == (0, "DONE"), ended
        assert ended.rows_read == self._to_read or (may_read_twice and ended.rows_read > self._to_read), "read once"
        assert ended.rows_written == self._changed(), "each row is written once"
        logged = self.check()
        if self._ledger:
            assert ended.rows_written == logged - self._logged, "what the log has is what was counted"
        if self._rig.on_target("SELECT to_regclass('public.audit')") != [(None,)]:
            assert self._rig.on_target("SELECT count(*) FROM audit") == [(logged,)]
        self._rig.assert_same(self._mode.query)

    def close(self) -> None:
        """Lets the target forget its log."""
        if self._ledger:
            self._ledger.close()

    def _changed(self) -> int:
        after = self._rows()
        if not self._mode.has_key:
            return len(self._before) + len(after)
        return sum(self._before.get(key) != after.get(key) for key in self._before.keys() | after.keys())

    def _rows(self) -> dict[str, str]:
        """A checksum for each row of the target; without a key they are told apart by their number."""
        key = self._mode.key if self._mode.has_key else "row_number() OVER ()"
        query = f"SELECT ({key})::text, md5(t::text) FROM {TABLE} AS t"
        try:
            return dict(self._rig.on_target(query))
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            return {}


def _ledger(rig: Any) -> Ledger:
    ((level,),) = rig.on_target("SHOW wal_level")
    if level != "logical":
        pytest.skip("the target's wal_level is not logical")
    return Ledger(rig.target, TABLE)
