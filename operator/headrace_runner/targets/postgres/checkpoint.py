"""The checkpoint row and the fence in it, in the target's own database: it commits together with the rows.

Whoever holds the fence is named by `owner`, one value a process. A batch locks the row first and raises when it is not
the owner any more; an UPDATE that finds no row would be no error, and would commit what a zombie wrote.
"""

import time
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from headrace.errors import OutrunError, PermanentError, SupersededError, TransientError
from headrace.runspec import Mode, RunSpec
from headrace_runner.checkpoint_row import checkpoint_of, counter_values, position_values
from headrace_runner.protocols import Checkpoint, Counters, Position, Start
from headrace_runner.targets.postgres.checkpoint_table import TABLE
from headrace_runner.targets.postgres.presence import holds
from headrace_runner.targets.postgres.session import APPLICATION_NAME, Connection
from headrace_runner.targets.postgres.table import COLUMN_STATE, Table

END_SECONDS = 10.0
"""How long the old owner's server process may need to end; after that its locks decide."""

_KEY = "installation = %(installation)s AND namespace = %(namespace)s AND pipeline_name = %(pipeline_name)s"
_TAKE = """
    UPDATE {table} SET epoch = %(epoch)s, holder = holder + 1, owner = %(owner)s, owner_run_id = %(run_id)s,
        backend_pid = pg_backend_pid(),
        backend_start = (SELECT backend_start FROM pg_catalog.pg_stat_activity WHERE pid = pg_backend_pid())
"""
_BEGIN = """
    UPDATE {table} SET pipeline_uid = %(pipeline_uid)s, run_id = %(run_id)s, target_oid = %(target_oid)s,
        key_columns = %(key_columns)s, key_types = %(key_types)s, incremental_key = %(incremental_key)s,
        cursor_type = %(cursor_type)s, target_columns = %(target_columns)s, fingerprint = %(fingerprint)s,
        last_key = %(last_key)s, last_value = %(last_value)s, look_back = %(look_back)s, rows_read = %(rows_read)s,
        rows_written = %(rows_written)s, batches = %(batches)s, done = false, updated_at = now()
"""
_SAVE = """
    UPDATE {table} SET last_key = %(last_key)s, last_value = %(last_value)s, look_back = %(look_back)s,
        rows_read = %(rows_read)s, rows_written = %(rows_written)s, batches = %(batches)s, done = %(done)s,
        updated_at = now()
"""
# What has the table's name now, its columns, and the files of all its partitions: TRUNCATE gives them new ones.
_TARGET = f"""
    to_regclass(%(target)s)::oid::int8,
    ARRAY(SELECT {COLUMN_STATE} FROM pg_catalog.pg_attribute AS a
          WHERE a.attrelid = to_regclass(%(target)s) AND a.attnum > 0 AND NOT a.attisdropped),
    ARRAY(SELECT pg_relation_filenode(to_regclass(%(target)s))::int8 UNION
          SELECT pg_relation_filenode(relid)::int8 FROM pg_partition_tree(to_regclass(%(target)s)) ORDER BY 1)
"""
# Only the same role's sessions can be ended; of others even the start time can't be seen. Behind a pooler the process
# may serve somebody else by now: its name, which every client of a pool brings along, tells.
_OLD_OWNER = """
    FROM pg_catalog.pg_stat_activity
    WHERE pid = %s AND backend_start = %s AND application_name = %s AND pid <> pg_backend_pid()
"""


class CheckpointRow:
    """One pipeline's row, seen by one process that may hold its fence."""

    def __init__(self, connection: Connection, spec: RunSpec, epoch: int, owner: str) -> None:
        self._connection = connection
        self._spec = spec
        self._epoch = epoch
        self._owner = owner
        self._table = sql.Identifier(spec.checkpoint_schema, TABLE)
        self._key_columns: tuple[str, ...] = ()
        self._columns: frozenset[str] = frozenset()
        self._last_key: tuple[str, ...] | None = None
        self._files: list[int] = []
        self._key = {
            "installation": spec.installation,
            "namespace": spec.namespace,
            "pipeline_name": spec.pipeline_name,
        }

    def take(self, *, held_before: bool) -> Checkpoint:
        """Takes the fence, or only reads the row when it says that this run is done.

        Raises FencedError when a newer process has it; a process that `held_before` takes it back only from itself.
        """
        row = self._read("")
        if row is not None:
            if self._is_done(row):
                return checkpoint_of(row, target_id=row["target_oid"])
            self._refuse_newer(row, held_before=held_before and row["owner"] is not None)
            self._end_old_owner(row)
        with self._connection.transaction():
            insert = "INSERT INTO {table} ({columns}) VALUES ({values}) ON CONFLICT DO NOTHING"
            self._connection.execute(
                sql.SQL(insert).format(
                    table=self._table,
                    columns=sql.SQL(", ").join(map(sql.Identifier, self._key)),
                    values=sql.SQL(", ").join(map(sql.Placeholder, self._key)),
                ),
                self._key,
            )
            row = self._read("FOR UPDATE")
            if row is None:
                raise TransientError("The target's checkpoint row went away")
            if self._is_done(row):
                return checkpoint_of(row, target_id=row["target_oid"])
            # Without an owner the row is new: the table went away under us, and the run starts over.
            self._refuse_newer(row, held_before=held_before and row["owner"] is not None)
            self._update(_TAKE, {"epoch": self._epoch, "owner": self._owner, "run_id": self._spec.run_id})
        return checkpoint_of(row, target_id=row["target_oid"])

    def lock(self) -> None:
        """The first step of every transaction that writes; raises FencedError when the fence is not ours any more."""
        row = self._read("FOR UPDATE")
        if row is None:
            raise TransientError("The target's checkpoint row went away")
        self._refuse_newer(row, held_before=True)

    def begin(self, start: Start, table: Table, columns: frozenset[str]) -> None:
        """Writes where the run starts; needs the lock.

        From now on no column of the target may be in another state, and nobody may empty it.
        """
        identity = start.identity
        values = {
            "pipeline_uid": self._spec.pipeline_uid,
            "run_id": self._spec.run_id,
            "target_oid": identity.target_id,
            **identity.as_row(),
            "target": table.sql,
            **position_values(start.position),
            **counter_values(start.counters),
        }
        self._key_columns, self._columns, self._last_key = identity.key_columns, columns, start.position.key
        found = self._update(_BEGIN, values, f" RETURNING {_TARGET}").fetchone()
        assert found is not None
        self._files = found[2]

    def save(self, position: Position, counters: Counters, table: Table, *, done: bool) -> None:
        """Writes how far the run is; needs the lock, and comes after the rows, so that nobody can replace `table` now.

        Raises TransientError when somebody did: another table has its name, without the rows of earlier batches; or
        altered it, or emptied it.
        """
        values = {**position_values(position), **counter_values(counters), "done": done, "target": table.sql}
        found = self._update(_SAVE, values, f" RETURNING {_TARGET}").fetchone()
        assert found is not None
        oid, columns, files = found
        if oid != table.oid:
            raise TransientError("The target table was dropped or replaced during the run")
        if not self._columns <= set(columns):
            raise TransientError("The target table was altered during the run")
        if self._files != files:
            # VACUUM FULL and the like give it new files too.
            self._refuse_emptied(table)
        self._files, self._last_key = files, position.key

    def is_altered(self, table: Table) -> bool:
        """Whether the table is not what it was, and still there: then a refusal of its is not the last word.

        A stream makes one that is gone again, as the next run would: it may be dropped weeks after it was begun.
        """
        query = f"SELECT {_TARGET}".encode()
        oid, columns, _ = self._connection.execute(query, {"target": table.sql}).fetchone() or (None, (), ())
        if oid is None:
            return self._spec.is_stream
        return bool(oid != table.oid or not self._columns <= set(columns))

    def _refuse_emptied(self, table: Table) -> None:
        key = self._last_key
        if key is None or holds(self._connection, table, self._key_columns, key):
            return
        message = "The target table was emptied (TRUNCATE) during the run"
        if self._spec.mode == Mode.FULL:
            raise TransientError(message)
        raise PermanentError(f"{message}: rows up to the cursor are gone from it; a restart writes them again")

    def _read(self, lock: str) -> dict[str, Any] | None:
        query = sql.SQL("SELECT * FROM {table} WHERE ").format(table=self._table) + sql.SQL(_KEY)
        statement = query + sql.SQL(" FOR UPDATE") if lock else query
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement, self._key).fetchone()

    def _update(
        self, statement: Any, values: Mapping[str, Any], returning: Any = ""
    ) -> psycopg.Cursor[tuple[Any, ...]]:
        query = sql.SQL(statement).format(table=self._table) + sql.SQL(" WHERE ") + sql.SQL(_KEY) + sql.SQL(returning)
        return self._connection.execute(query, {**values, **self._key})

    def _is_done(self, row: Mapping[str, Any]) -> bool:
        return bool(row["done"]) and row["run_id"] == self._spec.run_id

    def _refuse_newer(self, row: Mapping[str, Any], *, held_before: bool) -> None:
        if row["owner"] == self._owner:
            return
        if held_before or row["epoch"] > self._epoch:
            if row["owner_run_id"] == self._spec.run_id:
                raise SupersededError("A newer process of this run has taken over")
            raise OutrunError("A later run of this pipeline has taken over")

    def _end_old_owner(self, row: Mapping[str, Any]) -> None:
        session = (row["backend_pid"], row["backend_start"], f"{APPLICATION_NAME}{row['owner_run_id']}")
        if None in session:
            return
        try:
            self._connection.execute(f"SELECT pg_terminate_backend(pid) {_OLD_OWNER}".encode(), session)
        except psycopg.errors.InsufficientPrivilege:
            return
        deadline = time.monotonic() + END_SECONDS
        while self._connection.execute(f"SELECT {_OLD_OWNER}".encode(), session).fetchone() is not None:
            if time.monotonic() > deadline:
                return
            time.sleep(0.02)
