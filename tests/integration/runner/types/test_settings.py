"""Databases with other settings and encodings: what a value is does not depend on how either of them shows it."""

import psycopg
import pytest

# Each changes how a value is written, read or ordered as text, or what a statement may do.
SOURCE = {
    "DateStyle": "SQL, DMY",
    "IntervalStyle": "'sql_standard'",
    "TimeZone": "'Asia/Kolkata'",
    "extra_float_digits": "'-15'",
    "bytea_output": "'escape'",
    "quote_all_identifiers": "'on'",
    "standard_conforming_strings": "'off'",
    "client_encoding": "'LATIN1'",
    "default_transaction_isolation": "'serializable'",
    "default_transaction_deferrable": "'on'",
    "search_path": "absent, public",
}
TARGET = {
    "DateStyle": "German, MDY",
    "IntervalStyle": "'iso_8601'",
    "TimeZone": "'America/St_Johns'",
    "array_nulls": "'off'",
    "xmloption": "'document'",
    "default_transaction_read_only": "'on'",
    "default_transaction_isolation": "'repeatable read'",
    "client_min_messages": "'error'",
    "synchronous_commit": "'off'",
    "default_tablespace": "''",
    "check_function_bodies": "'off'",
}
ROWS = """
    SELECT timestamptz '2000-03-04 23:59:59.5Z' + n * interval '1 day' AS k1, date '0044-03-15 BC' + n AS k2,
           n * interval '1 mon -1 day 01:02:03.5' AS i, n / 3.0::float8 AS f, (n / 100.0)::text::money AS m,
           decode('00ff5c27' || to_hex(n % 90 + 16), 'hex') AS b, ARRAY[NULL, 'null', chr(92)] AS a
    FROM generate_series(1, 150) AS n
"""
QUERY = "SELECT * FROM rows"


VALUES = "SELECT k1::text, k2::text, i::text, f::text, b::text, m::text, a::text FROM {} ORDER BY 1"
PLAIN = "-c DateStyle=ISO -c IntervalStyle=postgres -c TimeZone=UTC -c extra_float_digits=3 -c bytea_output=hex"


def set_for(dsn, settings):
    """From now on every session of this database starts with these."""
    with psycopg.connect(dsn) as connection:
        name = connection.info.dbname
    with psycopg.connect(dsn, dbname="postgres", autocommit=True) as connection:
        for setting, value in settings.items():
            connection.execute(f"ALTER DATABASE {name} SET {setting} = {value}".encode())


def values(dsn, table):
    with psycopg.connect(dsn, options=f"{PLAIN} -c search_path=public") as connection:
        return connection.execute(VALUES.format(table)).fetchall()


@pytest.fixture
def unlike(server, rig_between):
    """A source and a target that are to show values in different ways."""
    rig = rig_between(server, server)
    rig.on_source(f"CREATE TABLE rows AS {ROWS}", "ALTER TABLE rows ADD PRIMARY KEY (k2, k1)")
    return rig


@pytest.fixture(params=[False, True], ids=["a session", "a pool"])
def session(request, monkeypatch):
    """What was set for a session is not so in each one that a pooler in transaction mode gives."""
    if request.param:
        monkeypatch.setattr("headrace_runner.sources.postgres.session.SETTINGS", {})


@pytest.mark.usefixtures("session")
@pytest.mark.parametrize("as_text", [False, True], ids=["as bytes", "as text"])
def test_databases_may_show_values_in_other_ways(unlike, as_text):
    if as_text:
        for run in (unlike.on_source, unlike.on_target):
            run("CREATE TYPE mood AS ENUM ('ok')")
        unlike.on_source("ALTER TABLE rows ADD mood mood DEFAULT 'ok'")
    set_for(unlike.source, SOURCE)
    set_for(unlike.target, TARGET)
    assert unlike.load(QUERY, batch_size=40, snapshot_seconds=0.0).rows_read == 150
    assert values(unlike.source, "rows") == values(unlike.target, "analytics.copy")
    assert unlike.load(QUERY, batch_size=40).rows_written == 0


@pytest.mark.usefixtures("session")
def test_an_incremental_cursor_is_read_as_it_was_written(unlike):
    set_for(unlike.source, SOURCE)
    set_for(unlike.target, TARGET)
    fields = {"mode": "incremental", "incremental_key": "k1", "key_columns": ("k2",), "lookback_seconds": 0.0}
    assert unlike.load(QUERY, **fields).rows_read == 150
    unlike.on_source("INSERT INTO rows (k1, k2) SELECT max(k1) + interval '1 s', '2000-01-01' FROM rows")
    assert unlike.load(QUERY, **fields).rows_written == 1


# Of source and target, and letters that both have; in some of them their bytes are in another order.
ENCODINGS = [
    ("LATIN1", "UTF8", "aÄöüß©Zé"),
    ("UTF8", "LATIN1", "aÄöüß©Zé"),
    ("WIN1252", "LATIN9", "aÄ€ß©Ž"),
    ("EUC_JP", "UTF8", "a日本語ガ"),
    ("SQL_ASCII", "UTF8", "aäZ€"),
    ("UTF8", "SQL_ASCII", "aäZ€"),
]


@pytest.mark.parametrize(("source", "target", "letters"), ENCODINGS)
def test_text_passes_between_encodings(server, rig_between, source, target, letters):
    """As keys, as names and as values, in the text of other types too; also where their bytes have another order."""
    rig = rig_between(server, server, f"ENCODING '{source}'", f"ENCODING '{target}'")
    utf8 = "-c client_encoding=UTF8"
    rig = type(rig)(f"{rig.source} options='{utf8}'", f"{rig.target} options='{utf8}'", rig.store)
    pairs = ", ".join(f"('{one}{other}', '{other}')" for one in letters for other in letters)
    rig.on_source(
        f'CREATE TABLE rows (k text PRIMARY KEY, "{letters}" text, j json, b jsonb, s tsvector, n name, a text[])',
        f'INSERT INTO rows (k, "{letters}") VALUES {pairs}',
        "UPDATE rows SET j = to_json(k), b = to_jsonb(k), s = array_to_tsvector(ARRAY[k]), n = k, a = ARRAY[k]",
    )
    rig.load(QUERY, batch_size=7, snapshot_seconds=0.0)
    columns = f'SELECT k, "{letters}", j::text, b::text, s::text, n, a'
    copied = rig.on_target(f'{columns} FROM analytics.copy ORDER BY k COLLATE "C"')
    assert sorted(copied, key=str) == sorted(rig.on_source(f"{columns} FROM rows"), key=str)
    rig.on_source(f"DELETE FROM rows WHERE k LIKE '{letters[1]}%'")
    assert rig.load(QUERY, batch_size=7).rows_written == len(letters)
    assert rig.load(QUERY, batch_size=7).rows_written == 0


def test_a_letter_that_the_target_can_not_hold_fails_the_run_and_is_named(server, rig_between):
    rig = rig_between(server, server, "", "ENCODING 'LATIN1'")
    rig.on_source("CREATE TABLE rows (id int PRIMARY KEY, v text)", "INSERT INTO rows VALUES (1, 'ä'), (2, '日')")
    ended = rig.run(rig.spec(QUERY, batch_size=1))
    assert (ended.code, ended.outcome, ended.rows_written) == (64, "FAILED", 1), ended
    assert "refused rows with keys from (2) to (2)" in ended.message
    assert 'has no equivalent in encoding "LATIN1"' in ended.message


def test_bytes_that_are_no_text_fail_the_run_and_are_named(server, rig_between):
    rig = rig_between(server, server, "ENCODING 'SQL_ASCII'")
    rig.on_source("CREATE TABLE rows (id int PRIMARY KEY, v text)", "INSERT INTO rows VALUES (1, 'a'), (2, E'\\xe4')")
    ended = rig.run(rig.spec(QUERY))
    assert (ended.code, ended.outcome, ended.rows_written) == (64, "FAILED", 0), ended
    assert ended.message == 'The source: invalid byte sequence for encoding "UTF8": 0xe4'
