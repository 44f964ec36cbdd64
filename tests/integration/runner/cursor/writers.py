"""Writers of a source table, each a session with at most one transaction, and what these transactions wrote."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import psycopg
from tests.integration.runner.cursor.promise import Promise, Version
from tests.integration.runner.cursor.variants import Variant

WRITERS = 10
PREPARED = 4


@dataclass
class Transaction:
    """One that has not ended."""

    name: str
    changes: list[tuple[int, Version | None]] = field(default_factory=list)
    """Keys, with what became of them; None: deleted."""
    waited: bool = False
    """A run waits for its end."""
    passed: Any = None
    """How far runs had read before that one."""


class Writers:
    """Ten of them, and the transactions that they prepared and left."""

    def __init__(self, dsn: str) -> None:
        self._sessions = [psycopg.connect(dsn, autocommit=True) for _ in range(WRITERS)]
        self._observer = psycopg.connect(dsn, autocommit=True)
        for session in (*self._sessions, self._observer):
            session.execute("SET TimeZone = 'UTC'")

    def reset(self, variant: Variant) -> None:
        """An empty source, and nothing in progress."""
        self.variant = variant
        self.promise = Promise(variant.promised_lookback)
        self.open: dict[int, Transaction] = {}
        self.prepared: list[Transaction] = []
        self._serial = 0
        for session in self._sessions:
            session.execute("ROLLBACK")
        for (gid,) in self._observer.execute("SELECT gid FROM pg_prepared_xacts WHERE database = current_database()"):
            self._observer.execute(f"ROLLBACK PREPARED '{gid}'".encode())
        self._observer.execute("DROP TABLE IF EXISTS events; DROP SEQUENCE IF EXISTS numbers")
        self._observer.execute("CREATE SEQUENCE numbers START 100")
        self._observer.execute(f"CREATE TABLE events (id int PRIMARY KEY, v int, at {variant.type})".encode())
        self._observer.execute("CREATE INDEX ON events (at)")

    def close(self) -> None:
        """Lets go of all sessions."""
        for session in (*self._sessions, self._observer):
            session.close()

    @property
    def transactions(self) -> list[Transaction]:
        """All that have not ended."""
        return [*self.open.values(), *self.prepared]

    def begin(self, writer: int) -> Transaction:
        """A transaction takes its now(), and writes nothing yet."""
        if writer not in self.open:
            self._serial += 1
            self._sessions[writer].execute("BEGIN")
            self._sessions[writer].execute("SELECT now()")
            self.open[writer] = Transaction(f"t{self._serial}")
        return self.open[writer]

    def insert(self, writer: int, value: str) -> None:
        """A new row."""
        transaction = self.begin(writer)
        self._serial += 1
        statement = f"INSERT INTO events VALUES (%s, %s, {self.variant.values[value]}) RETURNING id, at"
        self._note(writer, transaction, statement, (self._serial, self._serial))

    def update(self, writer: int, value: str, pick: int) -> None:
        """A row's cursor moves."""
        key = self._free_key(pick)
        if key is not None:
            transaction = self.begin(writer)
            self._serial += 1
            value = self.variant.values[value]
            statement = f"UPDATE events SET v = %s, at = {value} WHERE id = %s RETURNING id, at"
            self._note(writer, transaction, statement, (self._serial, key))

    def delete(self, writer: int, pick: int) -> None:
        """A row goes."""
        key = self._free_key(pick)
        if key is not None:
            transaction = self.begin(writer)
            self._sessions[writer].execute(f"DELETE FROM events WHERE {self.variant.key} = %s".encode(), (key,))
            transaction.changes.append((key, None))

    def end(self, writer: int, how: str) -> None:
        """`COMMIT`, `ROLLBACK`, or `PREPARE` while there is room."""
        transaction = self.open.pop(writer)
        session = self._sessions[writer]
        if how == "PREPARE" and len(self.prepared) < PREPARED:
            session.execute(f"PREPARE TRANSACTION '{transaction.name}'".encode())
            self.prepared.append(transaction)
        elif how == "COMMIT":
            clock = self._clock()
            session.execute("COMMIT")
            self._commit(transaction, clock)
        else:
            session.execute("ROLLBACK")

    def end_prepared(self, pick: int, how: str) -> None:
        """`COMMIT` or `ROLLBACK`."""
        transaction = self.prepared.pop(pick % len(self.prepared))
        clock = self._clock()
        self._observer.execute(f"{how} PREPARED '{transaction.name}'".encode())
        if how == "COMMIT":
            self._commit(transaction, clock)

    def end_all(self, how: str, *, waited: bool = False) -> None:
        """Those that a run waits for, or all; a run that waits does so for every prepared one."""
        for writer, transaction in list(self.open.items()):
            if transaction.waited or not waited:
                self.end(writer, how)
        while self.prepared:
            self.end_prepared(0, how)

    def a_run_begins(self, *, waits: bool) -> None:
        """Tells the promise how far a run reads, and for whom it waits."""
        for transaction in self.transactions if waits else ():
            transaction.waited, transaction.passed = True, self.promise.passed
        row = self._observer.execute("SELECT max(at) FROM events").fetchone()
        assert row is not None
        self.promise.read_up_to(self.variant.compared(row[0]))

    def is_waited_for(self, run_id: str) -> bool:
        """Whether that run has seen the transactions in progress."""
        query = """
            SELECT FROM pg_stat_activity
            WHERE application_name = %s AND query LIKE '%%virtualxid%%' AND state = 'idle'
        """
        return self._observer.execute(query, (f"headrace-read {run_id}",)).fetchone() is not None

    def _note(self, writer: int, transaction: Transaction, statement: str, parameters: tuple[int, int]) -> None:
        row = self._sessions[writer].execute(statement.encode(), parameters).fetchone()
        assert row is not None
        key, cursor = row[1] if self.variant.key == "at" else row[0], self.variant.compared(row[1])
        number = next(parameter for parameter in parameters if parameter == self._serial)
        transaction.changes.append((key, Version(key, number, cursor)))

    def _commit(self, transaction: Transaction, clock: dt.datetime) -> None:
        passed = transaction.passed if transaction.waited else self.promise.passed
        for key, version in transaction.changes:
            if version is None:
                self.promise.delete(key)
            else:
                self.promise.commit(version, clock, passed)

    def _free_key(self, pick: int) -> int | None:
        """A committed row that no transaction in progress holds a lock on."""
        locked = {key for transaction in self.transactions for key, _ in transaction.changes}
        free = [key for key in self.promise.rows if key not in locked]
        return free[pick % len(free)] if free else None

    def _clock(self) -> dt.datetime:
        row = self._observer.execute("SELECT clock_timestamp()").fetchone()
        assert row is not None
        return row[0]  # type: ignore[no-any-return]
