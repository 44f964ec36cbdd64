"""The API's settings from environment variables."""

import pytest
from pydantic import ValidationError

from headrace.target import DEFAULT_ALLOWED
from headrace_api.main import explain
from headrace_api.settings import Settings


@pytest.fixture
def environ(monkeypatch):
    """Sets variables."""
    monkeypatch.setenv("HEADRACE_STORE_DSN", "postgresql://user:secret@host/store")

    def set_all(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_all


def test_only_the_store_has_to_be_named(environ):
    settings = Settings()
    assert (settings.api_prefix, settings.allowed_targets) == ("/api/v1", DEFAULT_ALLOWED)
    assert ":secret@" not in repr(settings)


def test_variables_are_read(environ):
    environ(ALLOWED_TARGET_TABLES=" analytics.* , es:*,", API_V1_PREFIX="/v1/", LOG_LEVEL="debug", PORT="1234")
    settings = Settings()
    assert settings.allowed_targets == ("analytics.*", "es:*")
    assert (settings.api_prefix, settings.log_level, settings.port) == ("/v1", "DEBUG", 1234)


def test_a_wrong_setting_is_named_without_its_value(environ):
    environ(API_V1_PREFIX="no slash", DB_POOL_SIZE="secret")
    with pytest.raises(ValidationError) as caught:
        Settings()
    said = explain(caught.value)
    assert "API_V1_PREFIX" in said
    assert "DB_POOL_SIZE" in said
    assert "secret" not in said


OIDC = {"HEADRACE_AUTH_MODE": "oidc", "HEADRACE_OIDC_ISSUER": "https://issuer", "HEADRACE_OIDC_AUDIENCE": "headrace"}


def test_nobody_has_to_authenticate_unless_it_is_asked_for_and_that_is_said(environ):
    settings = Settings()
    assert (settings.auth_mode, settings.auth_open) == ("none", ("health", "docs", "metrics"))
    assert [text.partition(":")[0] for text in settings.warnings()] == ["Nobody has to authenticate"]
    environ(**OIDC, HEADRACE_AUTH_OPEN="", HEADRACE_RATE_LIMIT="", HEADRACE_DOCS_ASSETS="")
    settings = Settings()
    assert (settings.auth_mode, settings.auth_open, settings.rate_limit) == ("oidc", (), None)
    assert settings.docs_assets == "https://cdn.jsdelivr.net/npm"
    assert settings.warnings() == []


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"HEADRACE_AUTH_MODE": "oidc"}, "HEADRACE_OIDC_ISSUER is missing"),
        ({**OIDC, "HEADRACE_OIDC_AUDIENCE": ""}, "HEADRACE_OIDC_AUDIENCE is missing"),
        ({**OIDC, "HEADRACE_OIDC_ISSUER": "http://issuer"}, "HEADRACE_OIDC_ISSUER must be an https address"),
        ({**OIDC, "HEADRACE_OIDC_JWKS_URL": "ftp://issuer/x"}, "HEADRACE_OIDC_JWKS_URL must be an https address"),
        ({**OIDC, "HEADRACE_OIDC_CA_FILE": "/nowhere"}, "HEADRACE_OIDC_CA_FILE can't be read"),
        ({**OIDC, "HEADRACE_AUTH_MODE": "none"}, "HEADRACE_OIDC_ISSUER is set, but HEADRACE_AUTH_MODE is none"),
        ({"HEADRACE_AUTH_AUDIENCES": "x"}, "HEADRACE_AUTH_AUDIENCES is set, but HEADRACE_AUTH_MODE is none"),
        (
            {"HEADRACE_AUTH_MODE": "kubernetes", "HEADRACE_AUTH_REVIEW": "self", "HEADRACE_AUTH_AUDIENCES": "x"},
            "HEADRACE_AUTH_AUDIENCES needs HEADRACE_AUTH_REVIEW=token",
        ),
        ({"HEADRACE_AUTH_MODE": "basic"}, "HEADRACE_AUTH_MODE"),
        ({"HEADRACE_AUTH_OPEN": "health,runs"}, "HEADRACE_AUTH_OPEN can have health, docs, metrics, and not runs"),
        ({"HEADRACE_RATE_LIMIT": "often"}, "HEADRACE_RATE_LIMIT is a number and a time"),
        ({"HEADRACE_TRUSTED_PROXIES": "10.0.0.0/8,ingress"}, "and ingress is none"),
        ({"HEADRACE_CORS_ORIGINS": "https://a.org/path"}, "and https://a.org/path is none"),
        ({"HEADRACE_DOCS_ASSETS": "https://x/'><script>"}, "HEADRACE_DOCS_ASSETS"),
    ],
)  # fmt: skip
def test_settings_that_do_not_go_together_are_said_to_in_a_sentence(environ, variables, said):
    environ(**variables)
    with pytest.raises(ValidationError) as caught:
        Settings()
    text = explain(caught.value)
    assert said in text
    assert "Value error" not in text


@pytest.mark.parametrize(("preview", "request_", "wait"), [(25, 30, 25), (600, 30, 25), (600, 600, 500), (25, 6, 5)])
def test_a_preview_ends_before_the_request_that_waits_for_it(environ, preview, request_, wait):
    environ(HEADRACE_PREVIEW_SECONDS=str(preview), HEADRACE_REQUEST_SECONDS=str(request_))
    assert Settings().preview_wait == pytest.approx(wait)


def test_lists_are_read(environ):
    environ(HEADRACE_TRUSTED_PROXIES="10.0.0.0/8, fd00::1", HEADRACE_CORS_ORIGINS="https://a.org,http://localhost:3000")
    settings = Settings()
    assert settings.trusted_proxies == ("10.0.0.0/8", "fd00::1")
    assert settings.cors_origins == ("https://a.org", "http://localhost:3000")
