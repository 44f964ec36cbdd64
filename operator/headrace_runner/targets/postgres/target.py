"""A Postgres table as a target: rows and checkpoint in one transaction, under the fence."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import psycopg

from headrace.errors import PermanentError, TransientError
from headrace.postgres.deadlines import shut_down
from headrace.postgres.problems import translated
from headrace.runspec import Mode, RunSpec
from headrace_runner.identity import Identity, identity_of
from headrace_runner.postgres.collations import byte_order
from headrace_runner.postgres.mark import set_mark
from headrace_runner.postgres.quoting import quote_qualified
from headrace_runner.projection import Projection
from headrace_runner.protocols import Batch, Checkpoint, Comparison, Position, Start
from headrace_runner.settings import Settings
from headrace_runner.shape import Shape, SourceColumn
from headrace_runner.targets.postgres.checkpoint import CheckpointRow
from headrace_runner.targets.postgres.checkpoint_table import ensure_table
from headrace_runner.targets.postgres.keyed import KeyedWriter
from headrace_runner.targets.postgres.keyless import KeylessWriter
from headrace_runner.targets.postgres.presence import holds
from headrace_runner.targets.postgres.projection import projection_of
from headrace_runner.targets.postgres.replacement import is_replaceable
from headrace_runner.targets.postgres.rights import require_rights
from headrace_runner.targets.postgres.session import open_session
from headrace_runner.targets.postgres.table import Column, Table, find_table, refuse_hidden_keys

CANCEL_SECONDS = 2.0
CREATED_AS_TEXT = "CreatedAsText"
NOT_IN_SOURCE = "ColumnNotInSource"
_NAME = "the target"
_READS_ITSELF = (
    "The query reads the table that the run writes, and rows that it leaves out would be deleted from it: "
    "choose another target_table, or set prune to false"
)
_SAME = "source and target are the same table"


class Writer(Protocol):
    """How batches get into the table."""

    def begin(self, start: Start) -> None:
        """Makes ready."""

    def write(self, batches: Sequence[Batch]) -> Checkpoint:
        """Some batches and the checkpoint, all or nothing."""

    def rereads(self) -> Projection | None:
        """What to read once more at the end."""

    def keep(self, batches: Sequence[Batch]) -> Checkpoint:
        """Some batches of that."""


class PostgresTarget:
    """One run's table. Call `claim`, `prepare`, `begin`, then `write` for each group of batches."""

    def __init__(self, spec: RunSpec, settings: Settings, owner: str) -> None:
        if settings.target_dsn is None:
            raise PermanentError("The environment lacks HEADRACE_TARGET_DSN")
        self.notes: dict[str, str] = {}
        self._spec = spec
        self._connection = open_session(settings.target_dsn, spec.run_id)
        self._row = CheckpointRow(self._connection, spec, settings.epoch, owner)
        self._table: Table | None = None
        self._key: tuple[str, ...] = ()
        self._writer: Writer | None = None
        self._projection: Projection | None = None
        self._replaces = False
        self._shape = Shape(())
        self._checkpoint = Checkpoint(holder=0)

    def claim(self, *, held_before: bool) -> Checkpoint:
        """Takes the fence, unless this run is done; raises FencedError when a newer process has it."""
        with translated(_NAME):
            set_mark(self._connection, self._spec.run_id)
            ensure_table(self._connection, self._spec.checkpoint_schema)
            self._checkpoint = self._row.take(held_before=held_before)
        return self._checkpoint

    def prepare(self, shape: Shape) -> Projection:
        """Matches the columns; makes a table that is missing. Raises PermanentError that names what does not fit."""
        with translated(_NAME):
            self._table = self._find() or self._create(shape)
            self._key = self._table.key(self._spec.key_columns)
            refuse_hidden_keys(self._connection, self._table, self._key)
        self._refuse_own(shape, self._table)
        if not self._key and self._spec.has_cursor:
            raise PermanentError("An incremental run needs a key: set keyColumns", field="key_columns")
        if not self._key and not self._spec.prune:
            message = "Without a key a run replaces the whole table: set keyColumns, or prune: true"
            raise PermanentError(message, field="key_columns")
        cursor = self._spec.incremental_key if self._spec.has_cursor else None
        self._shape = shape
        with translated(_NAME):
            self._projection = projection_of(
                shape,
                self._table,
                self._key,
                cursor,
                is_whole=self._spec.source_table is not None,
                knows=self._knows,
            )
            deletes = self._spec.mode == Mode.FULL and self._spec.prune
            require_rights(self._connection, self._table, updates=bool(self._key), deletes=deletes)
            if self._key:
                self._note_old_columns(self._table, shape)
                self._replaces = is_replaceable(self._connection, self._table, self._projection, shape)
        return self._projection

    def identity(self) -> Identity:
        """The table's OID with the key and the cursor; valid after `prepare`."""
        assert self._table is not None
        return identity_of(
            self._spec,
            self._shape,
            target_id=str(self._table.oid),
            key={name: self._table.columns[name].type_name for name in self._key},
            columns=tuple(f"{column.number} {column.name}" for column in self._columns()),
        )

    def holds(self, key: tuple[str, ...]) -> bool:
        """Whether the row with this key is there."""
        assert self._table is not None
        with translated(_NAME):
            return holds(self._connection, self._table, self._key, key)

    def begin(self, start: Start) -> None:
        """Saves where the run starts, and makes ready to write."""
        assert self._table is not None
        assert self._projection is not None
        with translated(_NAME):
            with self._connection.transaction():
                self._row.lock()
                self._row.begin(start, self._table, frozenset(column.state for column in self._columns()))
            started = dataclasses.replace(
                self._checkpoint,
                run_id=self._spec.run_id,
                identity=start.identity,
                position=start.position,
                counters=start.counters,
                done=False,
            )
            parts = (self._connection, self._spec, self._table, self._projection, self._row, started, self.notes)
            self._writer = KeyedWriter(*parts, replaces=self._replaces) if self._key else KeylessWriter(*parts)
            self._writer.begin(start)

    def write(self, batches: Sequence[Batch]) -> Checkpoint:
        """Some batches and the checkpoint, all or nothing; raises FencedError when the fence is gone."""
        assert self._writer is not None
        assert self._table is not None
        with translated(_NAME):
            try:
                return self._writer.write(batches)
            except PermanentError as error:
                if self._row.is_altered(self._table):
                    raise TransientError(f"The target table was altered during the run: {error.message}") from error
                raise

    def resume_at(self, position: Position) -> None:
        """Saves that the next process begins there; raises as `write` does."""
        assert isinstance(self._writer, KeyedWriter)
        with translated(_NAME):
            self._writer.resume_at(position)

    def progress(self) -> Checkpoint | None:
        """Nothing is under way between two groups."""
        return None

    def settle(self) -> Checkpoint | None:
        """Nothing is under way between two groups."""
        return None

    def rereads(self) -> Projection | None:
        """What has to be read once more after the last batch."""
        assert self._writer is not None
        return self._writer.rereads()

    def keep(self, batches: Sequence[Batch]) -> Checkpoint:
        """Some batches of that."""
        assert self._writer is not None
        with translated(_NAME):
            return self._writer.keep(batches)

    def refused_keys(self) -> list[tuple[str, ...]]:
        """None: a row that the table refuses fails the run."""
        return []

    def replay(self, keys: Sequence[tuple[str, ...]], batches: Iterable[Batch]) -> Checkpoint:
        """Raises PermanentError: there is nothing to replay."""
        raise PermanentError("Only rows that an index refused can be replayed", field="kind")

    def compare(self, shape: Shape, read: Callable[[Projection], Iterator[Batch]]) -> Comparison | str:
        """Of tables only the counts are compared."""
        return ""

    def count(self) -> int:
        """How many rows the table holds; 0 when there is none."""
        with translated(_NAME):
            if self._find() is None:
                return 0
            table = quote_qualified(self._spec.target_schema, self._spec.target_table)
            row = self._connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
        return int(row[0]) if row else 0

    def cancel(self) -> None:
        """Ends the statement in hand, from another thread."""
        try:
            self._connection.cancel_safe(timeout=CANCEL_SECONDS)
        except psycopg.Error:
            # Nobody there hears it; whoever waits here has its last word to say.
            shut_down(self._connection.pgconn)

    def close(self) -> None:
        """Lets go of the connection; the server rolls back what is under way."""
        self._connection.close()

    def _refuse_own(self, shape: Shape, table: Table) -> None:
        """Raises PermanentError where rows would be read from where they are written, and to no good."""
        if table.oid not in shape.reads:
            return
        is_same = table.oid == shape.table
        if is_same and self._spec.source_table is not None:
            raise PermanentError(_SAME, field="target_table")
        if self._spec.mode == Mode.FULL and self._spec.prune:
            raise PermanentError(_READS_ITSELF, field="target_table")
        if is_same:
            raise PermanentError(_SAME, field="target_table")

    def _note_old_columns(self, table: Table, shape: Shape) -> None:
        """Those that a whole table has not, or no more: what somebody wants in them has a default."""
        given = {column.name for column in shape.columns}
        old = [f'"{name}"' for name, column in table.columns.items() if name not in given and not column.has_default]
        if old and self._spec.source_table is not None:
            self.notes[NOT_IN_SOURCE] = (
                f"The source's table has no {', '.join(old)}: what the target's rows have there stays as it is"
            )

    def _columns(self) -> list[Column]:
        assert self._table is not None
        assert self._projection is not None
        return [self._table.columns[field.name] for field in self._projection.fields]

    def _find(self) -> Table | None:
        by_bytes = byte_order(self._connection) != '"C"'
        return find_table(
            self._connection, self._spec.target_schema, self._spec.target_table, bytes_by_default=by_bytes
        )

    def _knows(self, column: SourceColumn) -> bool:
        from headrace_runner.targets.postgres.create import is_known

        return is_known(self._connection, column)

    def _create(self, shape: Shape) -> Table:
        from headrace_runner.targets.postgres.create import create_table

        key = self._spec.key_columns or shape.primary_key
        if not key and self._spec.has_cursor:
            raise PermanentError("An incremental run needs a key: set keyColumns", field="key_columns")
        schema, name = self._spec.target_schema, self._spec.target_table
        with self._connection.transaction():
            self._row.lock()
            # Two pipelines may want the same schema at once.
            self._connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('headrace', 0))")
            table = self._find()
            if table is None:
                as_text = create_table(self._connection, schema, name, shape, key)
                if as_text:
                    names = ", ".join(as_text)
                    self.notes[CREATED_AS_TEXT] = f"The target does not know the types of {names}: made as text columns"
                table = self._find()
        assert table is not None
        return table
