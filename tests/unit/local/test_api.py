"""What the demo prints can be pasted into a shell."""

import json
import shlex

import pytest

from headrace_local.api import Api

BASE = "http://127.0.0.1:1"


def test_a_call_is_shown_as_the_curl_command_that_does_the_same():
    body = {"name": "it's", "source_query": 'SELECT "a" FROM t\nWHERE x > 1'}
    words = shlex.split(Api(BASE).curl("POST", "/pipelines", body))
    assert words[:4] == ["curl", "-sS", "-X", "POST"]
    assert f"{BASE}/api/v1/pipelines" in words
    assert json.loads(words[-1]) == body


def test_get_needs_no_method_and_a_file_stands_for_a_long_body():
    assert Api(BASE).curl("GET", "/pipelines?q=a&limit=1") == f"curl -sS '{BASE}/api/v1/pipelines?q=a&limit=1'"
    assert Api(BASE).curl("POST", "/pipelines", "@a.json").endswith("-d @a.json")


def test_a_token_is_sent_and_never_shown():
    api = Api(BASE, token="secret")
    assert api._http.headers["Authorization"] == "Bearer secret"
    shown = api.curl("POST", "/pipelines", {"name": "it's"})
    assert shown.endswith(' -H "Authorization: Bearer $TOKEN"')
    assert "secret" not in shown


@pytest.mark.parametrize("quiet", [True, False])
def test_a_quiet_call_is_not_shown(quiet):
    shown = []
    with pytest.raises(Exception, match=r"refused|[Cc]onnect"):
        Api(BASE, show=shown.append).call("GET", "/health", quiet=quiet)
    assert len(shown) == (not quiet)
