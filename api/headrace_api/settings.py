"""The API's settings: environment variables, read once at start."""

from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from headrace.target import DEFAULT_ALLOWED
from headrace_api.auth import consistency
from headrace_api.auth.requirements import OPENABLE

Listed = Annotated[tuple[str, ...], NoDecode]
"""Comma separated."""
_SHARE_OF_PREVIEW = 5 / 6
"""Of the time that a request has."""
_OPEN_TO_ALL = (
    "Nobody has to authenticate: set HEADRACE_AUTH_MODE to kubernetes or oidc, or let only those reach the API"
    " who may do everything"
)


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
    preview_seconds: float = Field(default=25.0, ge=1, le=600, alias="HEADRACE_PREVIEW_SECONDS")
    """A preview that takes longer is answered with 504, which says why; see `preview_wait`."""

    auth_mode: Literal["none", "kubernetes", "oidc"] = Field(default="none", alias="HEADRACE_AUTH_MODE")
    """How callers are told apart; see docs/authentication.md."""
    auth_review: Literal["token", "self"] = Field(default="token", alias="HEADRACE_AUTH_REVIEW")
    """How a token is asked about: by TokenReview, or with the token itself, which needs no ClusterRole."""
    auth_audiences: Listed = Field(default=(), alias="HEADRACE_AUTH_AUDIENCES")
    """One of which a token must be for; none: the Kubernetes API server's own."""
    auth_open: Listed = Field(default=OPENABLE, alias="HEADRACE_AUTH_OPEN")
    """What needs no token."""
    oidc_issuer: str | None = Field(default=None, alias="HEADRACE_OIDC_ISSUER")
    oidc_audience: str | None = Field(default=None, alias="HEADRACE_OIDC_AUDIENCE")
    oidc_username_claim: str = Field(default="sub", min_length=1, alias="HEADRACE_OIDC_USERNAME_CLAIM")
    oidc_username_prefix: str | None = Field(default=None, alias="HEADRACE_OIDC_USERNAME_PREFIX")
    oidc_groups_claim: str = Field(default="groups", min_length=1, alias="HEADRACE_OIDC_GROUPS_CLAIM")
    oidc_groups_prefix: str | None = Field(default=None, alias="HEADRACE_OIDC_GROUPS_PREFIX")
    oidc_ca_file: str | None = Field(default=None, alias="HEADRACE_OIDC_CA_FILE")
    """Instead of the machine's authorities."""
    oidc_jwks_url: str | None = Field(default=None, alias="HEADRACE_OIDC_JWKS_URL")
    """Instead of what the issuer's discovery document names."""
    rate_limit: str | None = Field(default=None, alias="HEADRACE_RATE_LIMIT")
    """Calls of each caller, such as `50/second`."""
    trusted_proxies: Listed = Field(default=(), alias="HEADRACE_TRUSTED_PROXIES")
    """Networks whose X-Forwarded-For is believed."""
    cors_origins: Listed = Field(default=(), alias="HEADRACE_CORS_ORIGINS")
    """Whose pages may call from a browser."""
    docs_assets: str = Field(
        default="https://cdn.jsdelivr.net/npm",
        pattern=r"^(https?:/)?(/[A-Za-z0-9._~@:-]+)*$",
        alias="HEADRACE_DOCS_ASSETS",
    )
    """Where `/docs` and `/redoc` find their scripts: a copy of these packages as a npm registry's CDN lays them out."""

    @property
    def preview_wait(self) -> float:
        """How long a preview is waited for: it must be over while there is time to answer and to cancel it."""
        return min(self.preview_seconds, self.request_seconds * _SHARE_OF_PREVIEW)

    def warnings(self) -> list[str]:
        """What somebody should put right."""
        return [_OPEN_TO_ALL] if self.auth_mode == "none" else []

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        complaint = next(consistency.complaints(self), None)
        if complaint:
            raise ValueError(complaint)
        return self

    @field_validator(
        "oidc_issuer", "oidc_audience", "oidc_ca_file", "oidc_jwks_url", "rate_limit", "secret_key", mode="before"
    )
    @classmethod
    def _without_empty(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("docs_assets", mode="before")
    @classmethod
    def _or_default(cls, value: object) -> object:
        default = cls.model_fields["docs_assets"].default
        return (value.rstrip("/") or default) if isinstance(value, str) else value

    @field_validator("allowed_targets", "auth_audiences", "auth_open", "trusted_proxies", "cors_origins", mode="before")
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
