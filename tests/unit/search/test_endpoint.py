"""Where an Elasticsearch is and how it lets us in, out of the settings."""

import ssl
from base64 import b64decode

import pytest
from tests.certificate import PEM

from headrace.errors import CredentialsError, PermanentError
from headrace.search.endpoint import Endpoint
from headrace.search.settings import ElasticsearchSettings

DAMAGED = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"


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
    [
        "search.example:9200", "search.example", "ftp://search.example", "ftp://search.example:21",
        "htpps://search.example:9200", "//search.example:9200", "https://", "https://h:x", "https://h/?a=b", "",
    ],
)  # fmt: skip
def test_what_is_no_address_is_said_without_quoting_it(url):
    with pytest.raises(PermanentError, match="Elasticsearch: url is no address") as caught:
        endpoint(url)
    assert caught.value.field == "url"
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


@pytest.mark.parametrize("url", ["https://h", "https://a:b@h"])
def test_an_api_key_counts_before_user_name_and_password(url):
    assert endpoint(url, api_key="k", username="u", password="p").authorization == "ApiKey k"


def test_a_password_may_end_with_a_space():
    assert basic(endpoint("https://h", username="u", password="p \r\n")) == "u:p "


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


@pytest.mark.parametrize("ca", ["not a certificate", DAMAGED], ids=["none", "damaged"])
def test_a_ca_that_is_none_is_refused(ca):
    """With others it may be let in: a run waits for them, if they come by a file."""
    with pytest.raises(CredentialsError, match="Elasticsearch: ca holds no certificate") as caught:
        endpoint("https://h", ca=ca)
    assert (caught.value.part, caught.value.field) == ("Elasticsearch", "ca")


def test_a_bundle_may_explain_its_certificates_in_any_language():
    (trusted,) = endpoint("https://h", ca=f"# Főtanúsítvány, Ünal\n{PEM}").tls.get_ca_certs()
    assert trusted["issuer"] == ((("commonName", "tests"),),)


def test_no_secret_is_shown():
    shown = repr(endpoint("https://user:secret@search.example"))
    assert "secret" not in shown
    assert "search.example" not in shown
