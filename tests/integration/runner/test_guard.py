"""What binds each read of a source, whatever the session is that a pooler gives for it."""

import psycopg
import pytest

from headrace.postgres.connect import connect
from headrace_runner.sources.postgres.guard import ask, bind, bounds

OTHERS = {
    "DateStyle": "German, MDY",
    "IntervalStyle": "iso_8601",
    "TimeZone": "Asia/Kolkata",
    "extra_float_digits": "-15",
    "bytea_output": "escape",
    "quote_all_identifiers": "on",
    "client_encoding": "LATIN1",
    "row_security": "on",
    "statement_timeout": "7s",
    "transaction_timeout": "8s",
    "idle_in_transaction_session_timeout": "9s",
    "lock_timeout": "10s",
}
ALL = "SELECT name, current_setting(name, true) FROM unnest(ARRAY[{}]) AS s(name)"


@pytest.mark.parametrize("version", [14, 17])
def test_each_transaction_is_bound_and_leaves_the_session_as_it_was(server_of, version):
    server = server_of(version)
    wanted = bounds("off") if version >= 17 else bounds("off") | {"transaction_timeout": None}
    names = ", ".join(f"'{name}'" for name in wanted)
    with connect(server.dsn(), application_name="test", settings=OTHERS) as connection:

        def now() -> dict[str, str]:
            return dict(connection.execute(ALL.format(names)).fetchall())

        before = now()
        assert all(before[name] != wanted[name] for name in OTHERS if wanted[name] is not None)
        with connection.transaction():
            bind(connection, bounds("off") | {"headrace.k0": "x"})
            assert now() == wanted
            assert connection.execute("SHOW headrace.k0").fetchone() == ("x",)
        assert now() == before
        assert dict(ask(connection, ALL.format(names), "off")) == wanted
        assert now() == before
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            ask(connection, "CREATE TABLE more (id int)", "off")
