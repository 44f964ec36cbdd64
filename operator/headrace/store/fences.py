"""The fence and the checkpoint of pipelines whose target has no transactions, as the runner reads and writes them.

Whoever holds the fence is named by `owner`, one value a process. Every write says who writes, and changes nothing when
the fence is somebody else's: then it raises.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, LiteralString, NoReturn

from psycopg import Connection
from psycopg.rows import dict_row

from headrace.errors import OutrunError, SupersededError

_KEY: LiteralString = """
    installation = %(installation)s AND namespace = %(namespace)s AND pipeline_name = %(pipeline_name)s
"""
_MAKE: LiteralString = """
    INSERT INTO headrace.target_fences (installation, namespace, pipeline_name)
    VALUES (%(installation)s, %(namespace)s, %(pipeline_name)s) ON CONFLICT DO NOTHING
"""
_READ: LiteralString = f"SELECT * FROM headrace.target_fences WHERE {_KEY}"
_TAKE: LiteralString = f"""
    UPDATE headrace.target_fences
    SET epoch = %(epoch)s, holder = holder + 1, owner = %(owner)s, owner_run_id = %(run_id)s WHERE {_KEY}
"""
_HELD: LiteralString = f"SELECT owner = %(owner)s FROM headrace.target_fences WHERE {_KEY}"
_DRAW: LiteralString = f"""
    UPDATE headrace.target_fences
    SET version = greatest(version + 1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)
    WHERE {_KEY} AND owner = %(owner)s RETURNING version
"""
_BEGIN: LiteralString = f"""
    UPDATE headrace.target_fences SET pipeline_uid = %(pipeline_uid)s, run_id = %(run_id)s, target_id = %(target_id)s,
        key_columns = %(key_columns)s, key_types = %(key_types)s, incremental_key = %(incremental_key)s,
        cursor_type = %(cursor_type)s, target_columns = %(target_columns)s, fingerprint = %(fingerprint)s,
        first_version = %(first_version)s, last_key = %(last_key)s, last_value = %(last_value)s,
        look_back = %(look_back)s, rows_read = %(rows_read)s, rows_written = %(rows_written)s, batches = %(batches)s,
        bad_rows = %(bad_rows)s, done = false, updated_at = now()
    WHERE {_KEY} AND owner = %(owner)s RETURNING true
"""
_SAVE: LiteralString = f"""
    UPDATE headrace.target_fences SET last_key = %(last_key)s, last_value = %(last_value)s, look_back = %(look_back)s,
        rows_read = %(rows_read)s, rows_written = %(rows_written)s, batches = %(batches)s, bad_rows = %(bad_rows)s,
        done = %(done)s, updated_at = now()
    WHERE {_KEY} AND owner = %(owner)s RETURNING true
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimant:
    """One process that wants a pipeline's fence."""

    installation: str
    namespace: str
    pipeline_name: str
    run_id: str
    epoch: int
    owner: str

    @property
    def values(self) -> dict[str, Any]:
        """For the statements."""
        return {name: getattr(self, name) for name in self.__slots__}


class Fence:
    """One pipeline's row. All methods raise psycopg.Error; those that need the fence also FencedError."""

    def __init__(self, connection: Connection[Any], claimant: Claimant) -> None:
        self._connection = connection
        self._claimant = claimant

    def read(self) -> dict[str, Any] | None:
        """The row, or None when nobody ever had this fence."""
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(_READ, self._claimant.values).fetchone()

    def take(self, *, held_before: bool) -> dict[str, Any]:
        """The row as it was, whose fence is ours from now on, unless it says that this run is done.

        Raises FencedError when a newer process has it; who `held_before` takes it back only from itself.
        """
        values = self._claimant.values
        with self._connection.transaction(), self._connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(_MAKE, values)
            row = cursor.execute(f"{_READ} FOR UPDATE", values).fetchone()
            assert row is not None
            if not (row["done"] and row["run_id"] == self._claimant.run_id):
                # Without an owner the row is new: whoever held it before lost it with its store.
                self._refuse_newer(row, held_before=held_before and row["owner"] is not None)
                cursor.execute(_TAKE, values)
        return row

    def check(self) -> None:
        """Returns when the fence is still ours."""
        row = self._connection.execute(_HELD, self._claimant.values).fetchone()
        if row is None or not row[0]:
            self._refuse()

    def draw(self) -> int:
        """A number above all drawn before: Unix milliseconds, unless the clock went back."""
        row = self._connection.execute(_DRAW, self._claimant.values).fetchone()
        if row is None:
            self._refuse()
        return int(row[0])

    def begin(self, values: Mapping[str, Any]) -> None:
        """Writes where the run starts, and what that position belongs to."""
        self._write(_BEGIN, values)

    def save(self, values: Mapping[str, Any]) -> None:
        """Writes how far the run is."""
        self._write(_SAVE, values)

    def _write(self, statement: LiteralString, values: Mapping[str, Any]) -> None:
        if self._connection.execute(statement, {**values, **self._claimant.values}).fetchone() is None:
            self._refuse()

    def _refuse(self) -> NoReturn:
        row = self.read()
        if row is not None:
            self._refuse_newer(row, held_before=True)
        raise SupersededError("The checkpoint's row went away: another process takes over")

    def _refuse_newer(self, row: Mapping[str, Any], *, held_before: bool) -> None:
        if row["owner"] == self._claimant.owner:
            return
        if held_before or row["epoch"] > self._claimant.epoch:
            if row["owner_run_id"] == self._claimant.run_id:
                raise SupersededError("A newer process of this run has taken over")
            raise OutrunError("A later run of this pipeline has taken over")
