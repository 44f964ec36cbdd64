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
