"""Who may not get in, or may not do what a run needs, is told what to change; no secret is shown."""

import tempfile
import time
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from tests.integration.conftest import wheels
from tests.integration.runner.cursor.standby import Standby

ROWS = "SELECT id, v FROM rows"
INCREMENTAL = {"mode": "incremental", "incremental_key": "id"}
SOURCE = (
    "CREATE TABLE rows (id int PRIMARY KEY, v text, n int)",
    "INSERT INTO rows SELECT n, 'v', n FROM generate_series(1, 300) n",
)
COPY = ("CREATE SCHEMA analytics", "CREATE TABLE analytics.copy (id int PRIMARY KEY, v text)")


@pytest.fixture
def clerk(rig, server):
    """A role with a password and no rights; returns a DSN of it for one of the rig's databases."""
    user = f"clerk_{time.time_ns()}"
    rig.on_source(f"CREATE ROLE {user} LOGIN PASSWORD 'clerk-secret'")

    def dsn(of, password="clerk-secret"):
        return server.dsn(conninfo_to_dict(of)["dbname"], user=user, password=password)

    dsn.user = user
    yield dsn
    for database in (rig.source, rig.target):
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(f"DROP OWNED BY {user} CASCADE")
    rig.on_source(f"DROP ROLE {user}")


def run_as(rig, spec, **dsns):
    started = time.monotonic()
    ended = rig.run(spec, **dsns)
    assert time.monotonic() - started < 5, "a retry can't help"
    everything = " ".join([str(ended.message), *ended.log])
    assert "secret" not in everything
    assert "127.0.0.1" not in everything
    return ended


def test_a_wrong_password(rig, clerk):
    rig.on_source(*SOURCE)
    for which, words in (("source", "The source"), ("target", "The target")):
        dsn = clerk(getattr(rig, which), password="wrong-secret")
        ended = run_as(rig, rig.spec(ROWS), **{f"{which}_dsn": dsn})
        assert (ended.code, ended.outcome) == (64, "FAILED")
        assert words in ended.message
        assert "password" in ended.message


def test_no_right_to_read(rig, clerk):
    rig.on_source(*SOURCE, f"GRANT USAGE ON SCHEMA public TO {clerk.user}")
    ended = run_as(rig, rig.spec(ROWS), source_dsn=clerk(rig.source))
    assert (ended.code, ended.message) == (64, "The source: permission denied for table rows")


def test_no_right_to_make_the_checkpoint_table_says_what_to_run(rig, clerk):
    rig.on_source(*SOURCE)
    ended = run_as(rig, rig.spec(ROWS), target_dsn=clerk(rig.target))
    assert ended.code == 64
    assert f'CREATE SCHEMA "headrace" AUTHORIZATION "{clerk.user}"' in ended.message
    rig.on_target(f'CREATE SCHEMA "headrace" AUTHORIZATION "{clerk.user}"', *COPY)
    run_all_remedies(rig, clerk)
    rig.assert_same(ROWS)


@pytest.mark.parametrize("made_before", [False, True], ids=["no table yet", "a table of somebody else"])
def test_no_right_in_the_schema_of_the_checkpoint_table_says_what_to_run(rig, clerk, made_before):
    rig.on_source(*SOURCE)
    rig.on_target("CREATE SCHEMA headrace", *COPY)
    if made_before:
        rig.load(ROWS)
    run_all_remedies(rig, clerk)
    rig.assert_same(ROWS)


def test_a_checkpoint_table_of_an_older_version_and_somebody_else_stays_theirs(rig, clerk):
    rig.on_source(*SOURCE)
    rig.on_target(*COPY)
    rig.load(ROWS)
    run_all_remedies(rig, clerk)
    owner = "SELECT relowner FROM pg_class WHERE relname = 'pipeline_checkpoints'"
    before = rig.on_target(owner)
    rig.on_target("ALTER TABLE headrace.pipeline_checkpoints DROP COLUMN key_types, DROP COLUMN target_columns")
    run_all_remedies(rig, clerk)
    assert rig.on_target(owner) == before


def run_all_remedies(rig, clerk):
    """Does what each message says, until the run is done."""
    for _ in range(4):
        ended = run_as(rig, rig.spec(ROWS), target_dsn=clerk(rig.target))
        if ended.code == 0:
            return
        assert "run there: " in ended.message, ended
        rig.on_target(*ended.message.partition("run there: ")[2].split("; "))
    raise AssertionError(ended.message)


@pytest.mark.parametrize("fields", [{}, INCREMENTAL], ids=["full", "incremental"])
@pytest.mark.parametrize("right", ["SELECT", "INSERT", "UPDATE", "DELETE"])
def test_a_right_on_the_table_that_is_missing_is_told_before_the_first_row(rig, clerk, right, fields):
    rig.on_source(*SOURCE)
    give_all_rights(rig, clerk.user)
    rig.on_target(f"REVOKE {right} ON analytics.copy FROM {clerk.user}")
    ended = run_as(rig, rig.spec(ROWS, **fields), target_dsn=clerk(rig.target))
    if right == "DELETE" and fields:
        assert ended.code == 0, "an incremental run deletes nothing"
        return
    grant = f'GRANT {right} ON "analytics"."copy" TO {clerk.user}'
    assert (ended.code, ended.message) == (64, f"The target's role lacks rights; run there: {grant}")
    assert (ended.rows_read, rig.on_target("SELECT count(*) FROM analytics.copy")) == (0, [(0,)])


def test_no_right_to_temporary_tables_is_told(rig, clerk):
    rig.on_source(*SOURCE)
    give_all_rights(rig, clerk.user)
    database = conninfo_to_dict(rig.target)["dbname"]
    rig.on_target(f"REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC")
    try:
        ended = run_as(rig, rig.spec(ROWS), target_dsn=clerk(rig.target))
    finally:
        rig.on_target(f"GRANT TEMPORARY ON DATABASE {database} TO PUBLIC")
    grant = f"GRANT TEMPORARY ON DATABASE {database} TO {clerk.user}"
    assert (ended.code, ended.message) == (64, f"The target's role lacks rights; run there: {grant}")


def test_rights_on_columns_are_enough(rig, clerk):
    rig.on_source(*SOURCE)
    give_all_rights(rig, clerk.user)
    columns = "SELECT (id, v), INSERT (id, v), UPDATE (id, v)"
    rig.on_target(
        f"REVOKE ALL ON analytics.copy FROM {clerk.user}", f"GRANT {columns} ON analytics.copy TO {clerk.user}"
    )
    assert run_as(rig, rig.spec(ROWS, **INCREMENTAL), target_dsn=clerk(rig.target)).code == 0


def give_all_rights(rig, user):
    rig.on_target(
        *COPY,
        f'CREATE SCHEMA "headrace" AUTHORIZATION "{user}"',
        f"GRANT USAGE ON SCHEMA analytics TO {user}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON analytics.copy TO {user}",
    )


def test_a_second_role_needs_grants_on_what_the_first_has_made_for_checkpoints(rig, clerk):
    rig.on_source(*SOURCE)
    rig.on_target(
        *COPY, f"GRANT USAGE ON SCHEMA analytics TO {clerk.user}", f"GRANT ALL ON analytics.copy TO {clerk.user}"
    )
    assert rig.run(rig.spec(ROWS)).code == 0
    needs = "The target's role may not make or write the checkpoint table; run there: GRANT"
    assert run_as(rig, rig.spec(ROWS), target_dsn=clerk(rig.target)).message.startswith(needs)
    rig.on_target(
        f"GRANT USAGE ON SCHEMA headrace TO {clerk.user}",
        f"GRANT SELECT, INSERT, UPDATE ON headrace.pipeline_checkpoints TO {clerk.user}",
    )
    assert run_as(rig, rig.spec(ROWS), target_dsn=clerk(rig.target)).code == 0


ROLE_SETTINGS = [
    "statement_timeout = '200ms'",
    "lock_timeout = '200ms'",
    "idle_in_transaction_session_timeout = '200ms'",
    "default_transaction_read_only = on",
    "default_transaction_isolation = serializable",
    "search_path = ''",
]


@pytest.mark.parametrize("setting", ROLE_SETTINGS)
def test_settings_of_a_role_do_not_reach_a_run(rig, clerk, setting):
    rig.on_source(*SOURCE, f"GRANT USAGE ON SCHEMA public TO {clerk.user}", f"GRANT SELECT ON rows TO {clerk.user}")
    give_all_rights(rig, clerk.user)
    rig.on_target(f"ALTER ROLE {clerk.user} SET {setting}")
    query = "SELECT id, v FROM public.rows WHERE id > 1 OR pg_sleep(0.5) IS NOT NULL"
    ended = run_as(rig, rig.spec(query), source_dsn=clerk(rig.source), target_dsn=clerk(rig.target))
    assert ended.code == 0, ended
    assert not any("trying again" in line for line in ended.log)
    rig.assert_same(query)


NO_WAY_IN = {
    "the database is missing": ({"dbname": "absent"}, 64, "the database does not exist on the server"),
    "the user is missing": ({"user": "absent", "password": "x"}, 64, "wrong user name or password"),
    "no TLS there": (
        {"sslmode": "require"},
        64,
        "no TLS connection could be agreed upon; see sslmode and the certificates",
    ),
    "an option that the server does not know": (
        {"options": "-c absent=1"},
        64,
        "the server, or a pooler in front of it, does not take an option of the connection string",
    ),
    "a host that does not exist": ({"host": "absent.invalid"}, 1, "the host name is not known"),
    "only a standby will do": (
        {"target_session_attrs": "standby"},
        1,
        "no server with the wanted role was found",
    ),
}


@pytest.mark.parametrize("which", ["source", "target"])
@pytest.mark.parametrize("case", NO_WAY_IN)
def test_no_way_in(rig, case, which):
    parameters, code, words = NO_WAY_IN[case]
    rig.on_source(*SOURCE)
    ended = run_as(rig, rig.spec(ROWS), **{f"{which}_dsn": make_conninfo(getattr(rig, which), **parameters)})
    assert (ended.code, ended.message) == (code, f"The {which}: {words}")


ROLES = {
    "no connection left": ("CONNECTION LIMIT 0", 1, "the server has no free connection slot"),
    "the password has expired": ("VALID UNTIL '2020-01-01'", 64, "wrong user name or password"),
    "not permitted to log in": ("NOLOGIN", 64, "the user is not permitted to log in"),
}


@pytest.mark.parametrize("case", ROLES)
def test_a_role_that_is_kept_out(rig, clerk, case):
    change, code, words = ROLES[case]
    rig.on_source(*SOURCE, f"ALTER ROLE {clerk.user} {change}")
    ended = run_as(rig, rig.spec(ROWS), target_dsn=clerk(rig.target))
    assert (ended.code, ended.message) == (code, f"The target: {words}")


def test_row_level_security_is_refused(rig, clerk):
    rig.on_source(*SOURCE)
    rig.on_target(
        *COPY,
        "ALTER TABLE analytics.copy ENABLE ROW LEVEL SECURITY",
        f'CREATE SCHEMA "headrace" AUTHORIZATION "{clerk.user}"',
        f"GRANT USAGE ON SCHEMA analytics TO {clerk.user}",
        f"GRANT ALL ON analytics.copy TO {clerk.user}",
    )
    ended = run_as(rig, rig.spec(ROWS), target_dsn=clerk(rig.target))
    assert ended.code == 64
    assert "row level security" in ended.message


@pytest.mark.parametrize("which", ["source", "target"])
def test_a_server_that_cannot_be_reached_is_tried_five_times_and_leaves_its_message(rig, server, which):
    rig.on_source(*SOURCE)
    ended = rig.run(rig.spec(ROWS), **{f"{which}_dsn": server.dsn("x", port="1")})
    assert (ended.code, ended.outcome) == (1, None)
    assert ended.message == f"The {which}: nothing listens at the configured address"
    assert sum("trying again" in line for line in ended.log) == 4


def test_a_dsn_that_is_none_is_not_shown(rig):
    ended = rig.run(rig.spec(ROWS), source_dsn="postgresql://secret@[broken")
    assert ended.code == 64
    assert "secret" not in " ".join([ended.message, *ended.log])


def test_a_standby_as_the_target_is_told(rig, own_server):
    rig.on_source(*SOURCE)
    name = own_server.create_database()
    with tempfile.TemporaryDirectory(prefix="headrace-standby-", ignore_cleanup_errors=True) as folder:
        standby = Standby(Path(folder), wheels(), own_server)
        standby.initialise()
        standby.start()
        try:
            ended = rig.run(rig.spec(ROWS), target_dsn=standby.dsn(name))
        finally:
            standby.stop()
    own_server.drop_database(name)
    # In a fail-over a later attempt may find it promoted.
    words = "The target is a standby, which takes no rows: the connection must lead to its primary"
    assert (ended.code, ended.outcome, ended.message) == (1, None, words)
