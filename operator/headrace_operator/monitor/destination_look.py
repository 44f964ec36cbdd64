"""A look at a destination that is a Postgres: whether it takes writes, and what its role may make there."""

from dataclasses import dataclass

from headrace.connections.resolve import PostgresAccess
from headrace.model.conditions import ConditionType, Reason
from headrace.runspec import RunSpec
from headrace_operator.monitor.postgres_visit import Connection, visit
from headrace_operator.monitor.sights import Sight
from headrace_operator.monitor.source_look import APPLICATION, version
from headrace_operator.monitor.verdicts import Verdict

CHECKPOINT_SCHEMA = RunSpec.__dataclass_fields__["checkpoint_schema"].default
CHECKPOINT_TABLE = "pipeline_checkpoints"
_MOST_NAMED = 3
_RIGHTS = """
    SELECT pg_catalog.pg_is_in_recovery(),
           pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'),
           ARRAY(
               SELECT pg_catalog.quote_ident(nspname) FROM pg_catalog.pg_namespace
               WHERE nspname NOT LIKE 'pg\\_%%' AND nspname NOT IN ('information_schema', %(schema)s)
                   AND pg_catalog.has_schema_privilege(oid, 'CREATE') AND pg_catalog.has_schema_privilege(oid, 'USAGE')
               ORDER BY nspname LIMIT 4
           ),
           own.oid IS NOT NULL,
           coalesce(pg_catalog.has_schema_privilege(own.oid, 'CREATE')
               AND pg_catalog.has_schema_privilege(own.oid, 'USAGE'), false),
           book.oid IS NOT NULL,
           coalesce(pg_catalog.has_schema_privilege(own.oid, 'USAGE')
               AND pg_catalog.has_table_privilege(book.oid, 'SELECT')
               AND pg_catalog.has_table_privilege(book.oid, 'INSERT')
               AND pg_catalog.has_table_privilege(book.oid, 'UPDATE'), false),
           pg_catalog.quote_ident(pg_catalog.current_database()), pg_catalog.quote_ident(current_user)
    FROM (SELECT) AS always
    LEFT JOIN pg_catalog.pg_namespace AS own ON own.nspname = %(schema)s
    LEFT JOIN pg_catalog.pg_class AS book ON book.relnamespace = own.oid AND book.relname = %(table)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What the role may do there."""

    may_make_schemas: bool
    schemas: tuple[str, ...]
    """Quoted names of those in which it may make tables; a few of them."""
    has_book_schema: bool
    may_make_book: bool
    has_book: bool
    may_write_book: bool
    database: str
    role: str

    @property
    def keeps_checkpoints(self) -> bool:
        """Whether runs can keep their checkpoints there."""
        if self.has_book:
            return self.may_write_book
        return self.may_make_book if self.has_book_schema else self.may_make_schemas


async def look_at_destination(access: PostgresAccess, *, seconds: float) -> Sight:
    """One connection for all questions; NoWayInError when there is none within these seconds."""
    async with visit(access, application_name=APPLICATION, seconds=seconds) as connection:
        is_standby, rights = await _ask(connection)
        verdicts = (_STANDBY,) if is_standby else (may_create(rights),)
        return Sight(server_version=version(connection), verdicts=verdicts)


def may_create(rights: Rights) -> Verdict:
    """CanCreate, with the SQL that gives what is missing."""
    if not rights.keeps_checkpoints:
        return _no(f"Runs can't keep their checkpoints there; run there: {_grant_for_checkpoints(rights)}")
    if rights.may_make_schemas:
        return _yes("The role may make schemas and tables")
    if rights.schemas:
        more = " and others" if len(rights.schemas) > _MOST_NAMED else ""
        return _yes(f"The role may make tables in {', '.join(rights.schemas[:_MOST_NAMED])}{more}, but no schemas")
    grant = f"GRANT CREATE ON DATABASE {rights.database} TO {rights.role}"
    return _no(f"The role may make no schemas or tables: those of pipelines must be there, or run there: {grant}")


async def _ask(connection: Connection) -> tuple[bool, Rights]:
    cursor = await connection.execute(_RIGHTS, {"schema": CHECKPOINT_SCHEMA, "table": CHECKPOINT_TABLE})
    row = await cursor.fetchone()
    assert row is not None
    is_standby, may_make_schemas, schemas, has_schema, may_make, has_book, may_write, database, role = row
    return is_standby, Rights(
        may_make_schemas=may_make_schemas,
        schemas=tuple(schemas),
        has_book_schema=has_schema,
        may_make_book=may_make,
        has_book=has_book,
        may_write_book=may_write,
        database=database,
        role=role,
    )


def _grant_for_checkpoints(rights: Rights) -> str:
    if rights.has_book:
        book = f"{CHECKPOINT_SCHEMA}.{CHECKPOINT_TABLE}"
        usage = f"GRANT USAGE ON SCHEMA {CHECKPOINT_SCHEMA} TO {rights.role}"
        return f"{usage}; GRANT SELECT, INSERT, UPDATE ON {book} TO {rights.role}"
    if rights.has_book_schema:
        return f"GRANT CREATE, USAGE ON SCHEMA {CHECKPOINT_SCHEMA} TO {rights.role}"
    return f"CREATE SCHEMA {CHECKPOINT_SCHEMA} AUTHORIZATION {rights.role}"


def _yes(message: str) -> Verdict:
    return Verdict(ConditionType.CAN_CREATE, Reason.MAY_CREATE, message, status=True)


def _no(message: str) -> Verdict:
    return Verdict(ConditionType.CAN_CREATE, Reason.MAY_NOT_CREATE, message, status=False)


_STANDBY = Verdict(
    ConditionType.READY,
    Reason.STANDBY,
    "The server is a standby, which takes no writes: host must lead to its primary",
    status=False,
)
