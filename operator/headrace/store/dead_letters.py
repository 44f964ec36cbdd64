"""Dead letters: rows that a target refused, one for each document of a pipeline, with the latest refusal.

The runner writes them, in the transaction in which its checkpoint passes their rows; it imports this module, so there
is no pool and no pydantic in it. People read them through the API.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
from psycopg import AsyncConnection, Connection
from psycopg.rows import class_row

from headrace.runspec import RunSpec
from headrace.store.progress import storable
from headrace.store.records import DeadLetter

if TYPE_CHECKING:
    # The runner does without: it costs 3 ms to import.
    from uuid import UUID

DOCUMENT_BYTES = 65_536
"""So much of a document is kept: enough to find the value, and 100,000 of them take 6.5 GB at the most."""
REASON_LENGTH = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One row that was refused, as the runner has it."""

    document_id: str
    key: tuple[str, ...]
    """The key columns as text, in order."""
    document: bytes
    """As it was sent."""
    error_type: str
    reason: str


_PIPELINE: LiteralString = """
    installation = %(installation)s AND namespace = %(namespace)s AND pipeline_name = %(pipeline_name)s
"""
_FIRST_VERSION: LiteralString = f"coalesce((SELECT first_version FROM headrace.target_fences WHERE {_PIPELINE}), 0)"
# A letter that is written again gets a new number: the latest is shown first.
_SAVE: LiteralString = f"""
    INSERT INTO headrace.dead_letters
        (installation, namespace, pipeline_name, pipeline_uid, run_id, document_id, key, document, is_cut, error_type,
         reason, first_version)
    VALUES (%(installation)s, %(namespace)s, %(pipeline_name)s, %(pipeline_uid)s, %(run_id)s, %(document_id)s, %(key)s,
            %(document)s, %(is_cut)s, %(error_type)s, %(reason)s, {_FIRST_VERSION})
    ON CONFLICT (installation, namespace, pipeline_name, document_id) DO UPDATE SET
        id = DEFAULT, pipeline_uid = excluded.pipeline_uid, run_id = excluded.run_id, key = excluded.key,
        document = excluded.document, is_cut = excluded.is_cut, error_type = excluded.error_type,
        reason = excluded.reason, first_version = excluded.first_version, created_at = now()
"""
_DROP_OLDER: LiteralString = f"""
    DELETE FROM headrace.dead_letters WHERE {_PIPELINE} AND first_version <> {_FIRST_VERSION}
"""
_DROP_ALL: LiteralString = f"DELETE FROM headrace.dead_letters WHERE {_PIPELINE}"
_KEYS: LiteralString = f"SELECT key FROM headrace.dead_letters WHERE {_PIPELINE} ORDER BY id"
_DOCUMENT_IDS: LiteralString = f"""
    SELECT document_id FROM headrace.dead_letters WHERE {_PIPELINE} AND first_version = {_FIRST_VERSION}
"""
# All in one scan: a statement for each key looks at all letters of the pipeline, 0.08 s of 20,000. As JSON, for an
# array of arrays is one array.
_DROP: LiteralString = f"""
    DELETE FROM headrace.dead_letters
    WHERE {_PIPELINE} AND to_jsonb(key) IN (SELECT jsonb_array_elements(%(keys)s::jsonb))
"""


def save(connection: Connection[Any], spec: RunSpec, letters: Iterable[Letter]) -> None:
    """Writes letters; one for a document that has one already takes its place."""
    rows = [_pipeline(spec) | _values(spec, letter) for letter in letters]
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(_SAVE, rows)


def drop_older(connection: Connection[Any], spec: RunSpec) -> None:
    """Removes those that neither this run wrote nor, before it, the failed ones that it continues.

    To be called by one that has seen every row, in the transaction that says that it is done.
    """
    connection.execute(_DROP_OLDER, _pipeline(spec))


def drop_all(connection: Connection[Any], spec: RunSpec) -> None:
    """Removes those of the pipeline: their keys are those of other rows, in the transaction that says so."""
    connection.execute(_DROP_ALL, _pipeline(spec))


def keys(connection: Connection[Any], spec: RunSpec) -> list[tuple[str, ...]]:
    """The keys of all letters of the pipeline, in the order in which they came."""
    return [tuple(row[0]) for row in connection.execute(_KEYS, _pipeline(spec))]


def document_ids(connection: Connection[Any], spec: RunSpec) -> set[str]:
    """The documents that this run, or the failed ones that it continues, put aside."""
    return {str(row[0]) for row in connection.execute(_DOCUMENT_IDS, _pipeline(spec))}


def drop(connection: Connection[Any], spec: RunSpec, of_keys: Sequence[tuple[str, ...]]) -> None:
    """Removes the letters of these keys."""
    if of_keys:
        texts = [[storable(part) for part in key] for key in of_keys]
        connection.execute(_DROP, _pipeline(spec) | {"keys": json.dumps(texts)})


def _pipeline(spec: RunSpec) -> dict[str, Any]:
    return {"installation": spec.installation, "namespace": spec.namespace, "pipeline_name": spec.pipeline_name}


def _values(spec: RunSpec, letter: Letter) -> dict[str, Any]:
    is_cut = len(letter.document) > DOCUMENT_BYTES
    # A character that the cut goes through is left out; what is no UTF-8 besides is shown as such.
    text = letter.document[:DOCUMENT_BYTES].decode(errors="ignore" if is_cut else "replace")
    return {
        "pipeline_uid": spec.pipeline_uid,
        "run_id": spec.run_id,
        "document_id": storable(letter.document_id),
        "key": [storable(part) for part in letter.key],
        "document": storable(text),
        "is_cut": is_cut,
        "error_type": storable(letter.error_type),
        "reason": storable(letter.reason[:REASON_LENGTH]),
    }


_COLUMNS: LiteralString = """
    id::text, pipeline_uid::text, run_id::text, document_id, key, document, is_cut, error_type, reason, created_at
"""


async def list_letters(
    connection: AsyncConnection[tuple[Any, ...]], pipeline_uid: "UUID | None", *, limit: int, offset: int
) -> list[DeadLetter]:
    """A pipeline's letters, the latest first."""
    query = f"SELECT {_COLUMNS} FROM headrace.dead_letters WHERE pipeline_uid = %s ORDER BY dead_letters.id DESC"
    async with connection.cursor(row_factory=class_row(DeadLetter)) as cursor:
        page = await cursor.execute(f"{query} LIMIT %s OFFSET %s", (pipeline_uid, limit, offset))
        return await page.fetchall()


async def count_letters(connection: AsyncConnection[tuple[Any, ...]], pipeline_uid: "UUID | None") -> int:
    """How many letters a pipeline has."""
    query = "SELECT count(*) FROM headrace.dead_letters WHERE pipeline_uid = %s"
    row = await (await connection.execute(query, (pipeline_uid,))).fetchone()
    if row is None:
        raise psycopg.InternalError
    return int(row[0])
