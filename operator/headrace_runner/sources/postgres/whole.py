"""A whole table as a source: what is wrong with it is said before the first row, in the words of the pipeline."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from headrace.errors import PermanentError
from headrace.postgres.problems import describe
from headrace_runner.postgres.quoting import quote_qualified
from headrace_runner.sources.postgres.row_security import hides_rows, in_words
from headrace_runner.sources.postgres.session import Connection, reading


def require_readable(connection: Connection, table: str) -> None:
    """Raises PermanentError that names `table`, written `schema.table`, where it is none or may not be read.

    In the transaction at hand, whose bounds are set.
    """
    schema, _, name = table.partition(".")
    with reading(), named(table):
        # Nothing is read; but only a statement that runs asks for the right.
        connection.execute(f"SELECT * FROM {quote_qualified(schema, name)} LIMIT 0".encode())


@contextmanager
def named(table: str) -> Iterator[None]:
    """Raises PermanentError that names the table, for errors that are its own."""
    try:
        yield
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
        raise _refused(f"The source has no table '{table}', the source_table") from error
    except psycopg.errors.InsufficientPrivilege as error:
        if hides_rows(error):
            raise _refused(f"The source_table '{table}' can't be read in full: {in_words(error)}") from error
        said = describe(error)
        raise _refused(f"The source's role may not read '{table}', the source_table: {said}") from error
    except psycopg.errors.WrongObjectType as error:
        raise _refused(f"'{table}', the source_table, is no table of the source: {describe(error)}") from error
    except psycopg.errors.ObjectNotInPrerequisiteState as error:
        raise _refused(f"'{table}', the source_table, can't be read: {describe(error)}") from error


def _refused(message: str) -> PermanentError:
    return PermanentError(message, field="source_table")
