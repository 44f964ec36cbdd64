"""COPY … FROM STDIN of rows that came from a COPY … TO STDOUT, as they are."""

from collections.abc import Iterable

from headrace_runner.postgres.quoting import quote_names
from headrace_runner.postgres.wire import HEADER, TRAILER
from headrace_runner.projection import Projection
from headrace_runner.targets.postgres.session import Connection


def copy_in(
    connection: Connection, table: str, columns: tuple[str, ...], projection: Projection, data: Iterable[bytes]
) -> int:
    """Writes rows, in pieces of any size, into `table` (SQL); returns how many it took. Raises psycopg.Error."""
    style = "BINARY" if projection.binary else "TEXT"
    statement = f"COPY {table} ({quote_names(columns)}) FROM STDIN (FORMAT {style})"
    with connection.cursor() as cursor:
        with cursor.copy(statement.encode()) as copy:
            if projection.binary:
                copy.write(HEADER)
            for piece in data:
                copy.write(piece)
            if projection.binary:
                copy.write(TRAILER)
        return cursor.rowcount
