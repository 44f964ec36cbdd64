"""ADBC: the driver reads rows as Arrow batches by COPY, and ingests them into the table by COPY.

It reads numeric as text and writes numeric only from a decimal, so that column is cast on the way.
Arguments: source URL, target URL.
"""

import sys
from collections.abc import Iterator

import pyarrow as pa
from adbc_driver_postgresql import dbapi

_, SOURCE, TARGET = sys.argv
COLUMNS = "id, customer, status, amount, active, created, modified, note"


def main() -> None:
    """Streams the batches of one connection into the other; nothing is held in memory."""
    with dbapi.connect(SOURCE) as source, dbapi.connect(TARGET) as target:
        with source.cursor() as read, target.cursor() as write:
            read.execute(f"SELECT {COLUMNS} FROM bench.events")
            rows = read.fetch_record_batch()
            number = rows.schema.get_field_index("amount")
            schema = rows.schema.set(number, pa.field("amount", pa.decimal128(12, 2)))
            batches = pa.RecordBatchReader.from_batches(schema, cast(rows, schema))
            write.adbc_ingest("events", batches, mode="append", db_schema_name="bench")
        target.commit()


def cast(rows: pa.RecordBatchReader, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The batches, with the types of the schema."""
    for batch in rows:
        yield batch.cast(schema)


if __name__ == "__main__":
    main()
