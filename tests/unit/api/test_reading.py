"""Which bodies are refused before they are read."""

import pytest
from starlette.exceptions import HTTPException

from headrace_api.reading import check_length, check_media_type
from headrace_api.requests import request_id_of


@pytest.mark.parametrize("media_type", ["application/json", "application/json; charset=utf-8", "application/ld+json"])
def test_json_is_read(media_type):
    check_media_type(media_type)


@pytest.mark.parametrize("media_type", [None, "", "text/plain", "application/x-www-form-urlencoded", "json", "a/json"])
def test_anything_else_is_an_unsupported_media_type(media_type):
    with pytest.raises(HTTPException) as caught:
        check_media_type(media_type)
    assert caught.value.status_code == 415


def test_a_body_that_says_it_is_too_large_is_refused_and_the_connection_closed():
    check_length("1024", 1024)
    check_length(None, 1024)
    with pytest.raises(HTTPException) as caught:
        check_length("1025", 1024)
    assert caught.value.status_code == 413
    assert caught.value.headers == {"Connection": "close"}


@pytest.mark.parametrize("given", ["a", "my request 7", "x" * 128])
def test_a_callers_request_id_is_kept(given):
    assert request_id_of(given) == given


@pytest.mark.parametrize("given", [None, "", " a", "a\tb", "ü", "x" * 129, "a\r\nSet-Cookie: b"])
def test_an_id_that_is_not_fit_for_a_header_is_replaced(given):
    assert len(request_id_of(given)) == 32
