"""The API's settings: environment variables, read once at start."""

from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from headrace.target import DEFAULT_ALLOWED


class Settings(BaseSettings):
    """Each field is the environment variable of its alias."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    namespace: str = Field(default="headrace", min_length=1, alias="HEADRACE_NAMESPACE")
    """The one namespace that the API works in."""
    installation: str = Field(default="default", min_length=1, alias="HEADRACE_INSTALLATION")
    """Tells installations apart that share a store."""
    store_dsn: SecretStr = Field(alias="HEADRACE_STORE_DSN")
    """The platform's own Postgres."""
    allowed_targets: Annotated[tuple[str, ...], NoDecode] = Field(
        default=DEFAULT_ALLOWED, alias="ALLOWED_TARGET_TABLES"
    )
    """Comma separated patterns such as `analytics.*`."""
    db_pool_size: int = Field(default=5, ge=1, le=1000, alias="DB_POOL_SIZE")
    db_max_overflow: int = Field(default=5, ge=0, le=1000, alias="DB_MAX_OVERFLOW")
    db_pool_timeout: float = Field(default=10.0, gt=0, le=600, alias="DB_POOL_TIMEOUT")
    host: str = Field(default="127.0.0.1", alias="HOST")
    port: int = Field(default=8000, ge=0, le=65535, alias="PORT")
    api_prefix: str = Field(default="/api/v1", pattern=r"^(/[A-Za-z0-9._~-]+)*$", alias="API_V1_PREFIX")
    secret_key: SecretStr | None = Field(default=None, alias="SECRET_KEY")
    """Accepted, used for nothing so far."""
    log_level: str = Field(default="INFO", pattern=r"^(DEBUG|INFO|WARNING|ERROR)$", alias="LOG_LEVEL")
    max_body_bytes: int = Field(default=4 * 1024 * 1024, ge=1024, alias="HEADRACE_MAX_BODY_BYTES")
    """A query of 262,144 characters fits, also when a client escapes each of them."""
    request_seconds: float = Field(default=30.0, gt=0, le=600, alias="HEADRACE_REQUEST_SECONDS")
    """A request that takes longer is answered with 504."""
    reconcile_seconds: float = Field(default=10.0, ge=0, le=60, alias="HEADRACE_RECONCILE_SECONDS")
    """A reconcile that takes longer is answered with 202."""

    @field_validator("allowed_targets", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("api_prefix", mode="before")
    @classmethod
    def _without_slash(cls, value: object) -> object:
        return value.rstrip("/") if isinstance(value, str) else value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value
