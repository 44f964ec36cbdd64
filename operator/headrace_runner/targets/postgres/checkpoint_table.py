"""The table that holds the checkpoints, in the target's own database: made when it is missing."""

import psycopg

from headrace.errors import PermanentError, TransientError
from headrace_runner.postgres.quoting import quote_name, quote_qualified
from headrace_runner.targets.postgres.session import Connection

TABLE = "pipeline_checkpoints"
"""Not `checkpoints`: the store may live in the same database and schema, and has its mirror there."""

_CREATE = """
    CREATE TABLE IF NOT EXISTS {table} (
        installation    text NOT NULL,
        namespace       text NOT NULL,
        pipeline_name   text NOT NULL,
        -- The fence.
        epoch           bigint NOT NULL DEFAULT 0,
        holder          integer NOT NULL DEFAULT 0,
        owner           text,
        owner_run_id    text,
        backend_pid     integer,
        backend_start   timestamptz,
        -- The checkpoint of `run_id`.
        pipeline_uid    text,
        run_id          text,
        target_oid      text,
        key_columns     text[],
        key_types       text[],
        incremental_key text,
        cursor_type     text,
        target_columns  text[],
        fingerprint     text,
        last_key        text[],
        last_value      text,
        look_back       boolean NOT NULL DEFAULT false,
        rows_read       bigint NOT NULL DEFAULT 0,
        rows_written    bigint NOT NULL DEFAULT 0,
        batches         bigint NOT NULL DEFAULT 0,
        done            boolean NOT NULL DEFAULT false,
        updated_at      timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (installation, namespace, pipeline_name)
    )
"""
_COMPLETE = """
    ALTER TABLE {table} ADD COLUMN IF NOT EXISTS key_types text[], ADD COLUMN IF NOT EXISTS cursor_type text,
        ADD COLUMN IF NOT EXISTS target_columns text[]
"""
"""What a table lacks that an older version made."""
_STATE = """
    SELECT to_regclass(%(table)s) IS NOT NULL, to_regnamespace(%(schema)s) IS NOT NULL,
           EXISTS (SELECT FROM pg_catalog.pg_attribute
                   WHERE attrelid = to_regclass(%(table)s) AND attname = 'target_columns'),
           -- Of several rights, any one would do.
           has_table_privilege(to_regclass(%(table)s), 'SELECT') AND
               has_table_privilege(to_regclass(%(table)s), 'INSERT') AND
               has_table_privilege(to_regclass(%(table)s), 'UPDATE'),
           pg_is_in_recovery()
"""


def ensure_table(connection: Connection, schema: str) -> None:
    """Makes schema and table; raises PermanentError with the SQL to run when the role may not."""
    name, role = quote_name(schema), quote_name(connection.info.user)
    table = quote_qualified(schema, TABLE)
    remedy = f"GRANT CREATE, USAGE ON SCHEMA {name} TO {role}"
    try:
        has_table, has_schema, is_complete, may_write, is_standby = _state(connection, table, name)
        if is_standby:
            # In a fail-over it may be the primary in a moment.
            raise TransientError(
                "The target is a standby, which takes no rows: the connection must lead to its primary"
            )
        if has_table and not may_write:
            raise _no_right(f"GRANT SELECT, INSERT, UPDATE ON {table} TO {role}")
        if is_complete:
            return
        if has_table:
            # Not another owner: the role that makes it for all others would lose its rights.
            remedy = " ".join(_COMPLETE.format(table=table).split())
        elif not has_schema:
            remedy = f"CREATE SCHEMA {name} AUTHORIZATION {role}"
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('headrace', 0))")
            if has_table and _state(connection, table, name)[2]:
                # Somebody was first, and may hold a row by now and wait for our lock: no lock on the table, then.
                return
            if not has_schema:
                connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name}".encode())
            connection.execute((_COMPLETE if has_table else _CREATE).format(table=table).encode())
    except psycopg.errors.InsufficientPrivilege as error:
        raise _no_right(remedy) from error


def _state(connection: Connection, table: str, schema: str) -> tuple[bool, ...]:
    row = connection.execute(_STATE, {"table": table, "schema": schema}).fetchone()
    assert row is not None
    return row


def _no_right(remedy: str) -> PermanentError:
    return PermanentError(f"The target's role may not make or write the checkpoint table; run there: {remedy}")
