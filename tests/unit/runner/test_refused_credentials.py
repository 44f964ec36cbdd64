"""Which refusals other credentials could get over, so that a run may wait for them."""

import psycopg
import pytest

from headrace.errors import CredentialsError, PermanentError, TransientError
from headrace.postgres.problems import translate

CASES = [
    ('connection failed: FATAL:  password authentication failed for user "secret"', CredentialsError),
    ("fe_sendauth: no password supplied", CredentialsError),
    ('FATAL:  role "secret" does not exist', CredentialsError),
    ('FATAL:  role "secret" is not permitted to log in', CredentialsError),
    ("FATAL:  no such user", CredentialsError),
    ('FATAL:  no pg_hba.conf entry for host "secret", user "x", database "y", no encryption', PermanentError),
    ('FATAL:  database "secret" does not exist', PermanentError),
    ("server does not support SSL, but SSL was required", CredentialsError),
    ("SSL error: certificate verify failed", CredentialsError),
    ('root certificate file "secret" does not exist', CredentialsError),
    ("FATAL:  sorry, too many clients already", TransientError),
    ("connection to server failed: Connection refused", TransientError),
]


@pytest.mark.parametrize(("text", "kind"), CASES)
def test_only_a_refused_login_or_certificate_is_one_of_credentials(text, kind):
    error = translate(psycopg.OperationalError(text), "the source")
    assert type(error) is kind
    assert error.message.startswith("The source: ")
    assert "secret" not in error.message


def test_the_part_that_refuses_is_told():
    error = translate(psycopg.errors.InvalidPassword("x"), "the target")
    assert isinstance(error, CredentialsError)
    assert error.part == "the target"
