"""How many sessions there are at a server, looked at all the time."""

import threading
from collections import Counter
from typing import Self

import psycopg

EVERY_SECONDS = 0.05


class Sessions:
    """The most that each group of a role's sessions had at once, while this is entered."""

    def __init__(self, dsn: str, role: str, by: str = "usename") -> None:
        """`by`: the column of pg_stat_activity that sessions are grouped by."""
        self.most: Counter[str] = Counter()
        self.looks = 0
        self._dsn, self._role, self._by = dsn, role, by
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def at_once(self) -> int:
        """The most of all groups."""
        return max(self.most.values(), default=0)

    def _look(self) -> None:
        query = f"SELECT {self._by}, count(*) FROM pg_stat_activity WHERE usename = %s GROUP BY 1"
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            while not self._over.wait(EVERY_SECONDS):
                # In a transaction the view would not change.
                for group, count in connection.execute(query.encode(), (self._role,)).fetchall():
                    self.most[group] = max(self.most[group], count)
                self.looks += 1
