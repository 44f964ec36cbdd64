"""Where an Elasticsearch is and how it lets us in, out of the settings."""

import ssl
from base64 import b64decode

import pytest

from headrace.errors import PermanentError
from headrace_runner.credentials import ElasticsearchSettings
from headrace_runner.targets.elasticsearch.endpoint import Endpoint


def endpoint(url, **settings):
    return Endpoint.from_settings(ElasticsearchSettings(url=url, **settings))


@pytest.mark.parametrize(
    ("url", "host", "port", "prefix"),
    [
        ("https://search.example:9200", "search.example", 9200, ""),
        ("https://search.example", "search.example", 443, ""),
        ("http://search.example/", "search.example", 80, ""),
        ("https://search.example/behind/a/proxy/", "search.example", 443, "/behind/a/proxy"),
        ("https://[::1]:9200", "::1", 9200, ""),
        (" https://search.example:9200\n", "search.example", 9200, ""),
    ],
)
def test_an_address_is_read_with_the_path_before_the_api(url, host, port, prefix):
    found = endpoint(url)
    assert (found.host, found.port, found.prefix) == (host, port, prefix)


@pytest.mark.parametrize(
    "url",
    ["search.example:9200", "search.example", "ftp://search.example", "https://", "https://h:x", "https://h/?a=b", ""],
)
def test_what_is_no_address_is_said_without_quoting_it(url):
    with pytest.raises(PermanentError, match="HEADRACE_ELASTICSEARCH_URL is no address") as caught:
        endpoint(url)
    assert "search.example" not in caught.value.message


def basic(found):
    kind, _, value = found.authorization.partition(" ")
    assert kind == "Basic"
    return b64decode(value).decode()


def test_an_api_key_goes_as_it_is_without_the_newline_of_a_file():
    assert endpoint("https://h", api_key="abc==\n").authorization == "ApiKey abc=="


def test_user_name_and_password_come_from_the_settings_or_the_url():
    assert basic(endpoint("https://h", username="elastic", password="pä:ss\n")) == "elastic:pä:ss"
    assert basic(endpoint("https://el%40stic:p%2Fss@h")) == "el@stic:p/ss"
    assert basic(endpoint("https://a:b@h", username="elastic", password="x")) == "elastic:x"
    assert endpoint("https://h").authorization is None


def test_two_ways_in_at_once_are_refused():
    with pytest.raises(PermanentError, match="Both HEADRACE_ELASTICSEARCH_API_KEY and a user name"):
        endpoint("https://h", api_key="k", username="u", password="p")


@pytest.mark.parametrize("key", ["a\nb", "kéy"])
def test_an_api_key_that_no_header_can_hold_is_refused_without_quoting_it(key):
    with pytest.raises(PermanentError, match="no encoded API key") as caught:
        endpoint("https://h", api_key=key)
    assert key not in caught.value.message


def test_certificates_are_verified_unless_told_otherwise():
    assert endpoint("http://h").tls is None
    verified, taken = endpoint("https://h").tls, endpoint("https://h", verify=False).tls
    assert (verified.verify_mode, verified.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert (taken.verify_mode, taken.check_hostname) == (ssl.CERT_NONE, False)


def test_a_ca_that_is_none_is_refused():
    with pytest.raises(PermanentError, match="HEADRACE_ELASTICSEARCH_CA holds no certificate"):
        endpoint("https://h", ca="not a certificate")


def test_no_secret_is_shown():
    shown = repr(endpoint("https://user:secret@search.example"))
    assert "secret" not in shown
    assert "search.example" not in shown
