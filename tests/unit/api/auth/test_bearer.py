"""How tokens come in headers, and how a 401 asks for one."""

import pytest

from headrace.errors import UnauthorizedError
from headrace_api.auth.bearer import TOKEN_BYTES, challenge, token_of

WANTED = "This call needs a bearer token: send the header Authorization: Bearer <token>"


@pytest.mark.parametrize("header", ["Bearer abc.def-_~+/==", "bearer abc.def-_~+/==", "BEARER   abc.def-_~+/== "])
def test_a_token_is_read_whatever_the_case_of_its_scheme(header):
    assert token_of([header]) == "abc.def-_~+/=="


@pytest.mark.parametrize(
    ("headers", "code", "why"),
    [
        ([], None, "This call needs a token: send the header Authorization: Bearer <token>"),
        ([""], "invalid_request", WANTED),
        (["Bearer"], "invalid_request", WANTED),
        (["Basic eDp5"], "invalid_request", WANTED),
        (["Bearer a", "Bearer b"], "invalid_request", "There is more than one Authorization header"),
        (["Bearer a b"], "invalid_token", "The token has characters that no token has"),
        (["Bearer a\tb"], "invalid_token", "The token has characters that no token has"),
        (["Bearer ä"], "invalid_token", "The token has characters that no token has"),
        (["Bearer " + "a" * (TOKEN_BYTES + 1)], "invalid_token", "The token is longer than 16384 bytes"),
    ],
)  # fmt: skip
def test_what_is_no_token_is_refused_in_words(headers, code, why):
    with pytest.raises(UnauthorizedError) as caught:
        token_of(headers)
    assert (caught.value.code, caught.value.message) == (code, why)


def test_a_challenge_says_no_more_than_it_may():
    assert challenge(UnauthorizedError("Which?", code=None)) == 'Bearer realm="headrace"'
    assert challenge(UnauthorizedError('It says "né\\"\r\nX: y')) == (
        'Bearer realm="headrace", error="invalid_token", error_description="It says nX: y"'
    )
