"""What `/info` shows of an installation."""

from typing import Literal

from pydantic import BaseModel, Field


class AuthInfo(BaseModel):
    """How callers are told apart."""

    mode: Literal["none", "kubernetes", "oidc"]
    issuer: str | None = Field(description="Of the tokens that are taken; for `oidc`.")
    audiences: list[str] = Field(description="That tokens may be for; empty: the Kubernetes API server's own.")
    open: list[str] = Field(description="What needs no token.")


class Configuration(BaseModel):
    """The settings that callers may have to know."""

    namespace: str
    installation: str
    api_prefix: str
    allowed_targets: list[str] = Field(description="Where pipelines may write; `*` stands for any characters.")
    max_body_bytes: int
    request_seconds: float
    reconcile_seconds: float
    preview_seconds: float
    page_limit: int = Field(description="How many items a page of a list may have, in the platform family.")
    max_params_bytes: int = Field(description="How large a run's parameters may be, as JSON.")
    max_followers: int = Field(description="How many may follow runs at once, of each process of the API.")
    rate_limit: str | None = Field(description="How often each caller may call.")
    cors_origins: list[str]
    auth: AuthInfo


class Info(BaseModel):
    """What serves here, and how it is set up."""

    name: Literal["headrace"]
    version: str
    kinds: list[str] = Field(description="What of all this `kubectl` shows, too.")
    configuration: Configuration
    warnings: list[str] = Field(description="What somebody should put right.")
