"""What goes to libpq: the DSN's own parameters win, and a DSN that can't be read is never quoted."""

import pytest

from headrace.errors import PermanentError
from headrace.postgres.connect import connection_parameters


def test_parameters_of_the_dsn_win_over_ours() -> None:
    dsn = "postgresql://u@h/d?connect_timeout=3&keepalives_idle=99"
    parameters = connection_parameters(dsn, application_name="headrace-runner", connect_timeout=10)
    assert int(parameters["connect_timeout"]) == 3
    assert int(parameters["keepalives_idle"]) == 99
    assert parameters["application_name"] == "headrace-runner"
    assert parameters["keepalives"] == 1


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://u:p%40ss%20%27%5C%25@h:5433/d",
        r"host=h port=5433 user=u dbname=d password='p@ss \'\\%'",
    ],
)
def test_urls_and_pairs_mean_the_same(dsn: str) -> None:
    parameters = connection_parameters(dsn, application_name="x", connect_timeout=10)
    wanted = {"host": "h", "port": "5433", "user": "u", "dbname": "d", "password": "p@ss '\\%"}
    assert {name: str(parameters[name]) for name in wanted} == wanted


@pytest.mark.parametrize(
    "dsn",
    ["host=h password=hun ter2", "postgresql://u:hun@ter2:x@h/d", "nonsense=hunter2", "postgresql://u:hun/ter2@h/d"],
)
def test_a_dsn_that_cannot_be_read_is_not_quoted(dsn: str) -> None:
    with pytest.raises(PermanentError, match="The connection string is neither") as raised:
        connection_parameters(dsn, application_name="x", connect_timeout=10)
    assert "ter2" not in str(raised.value)
    assert raised.value.__cause__ is None
