"""The operator's settings: environment variables, read once at start."""

import json
import secrets
import socket
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from headrace.lifecycle.observed import Limits
from headrace.target import DEFAULT_ALLOWED, patterns_of

RUNNER_USER = 65532
"""`nonroot` of distroless images."""
_JSON_LISTS = ("runner_tolerations", "runner_volumes", "runner_volume_mounts")


def _identity() -> str:
    """Two processes on one machine must differ."""
    return f"{socket.gethostname()}-{secrets.token_hex(4)}"


class Settings(BaseSettings):
    """Each field is the environment variable of its alias."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    namespace: str = Field(default="headrace", min_length=1, alias="HEADRACE_NAMESPACE")
    """The namespace whose pipelines are run, and where their Jobs are."""
    installation: str = Field(
        default="default", pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$", alias="HEADRACE_INSTALLATION"
    )
    """Tells installations apart that share a store or a cluster."""
    identity: str = Field(default_factory=_identity, min_length=1, alias="HEADRACE_IDENTITY")
    """Who holds the Lease. A process that is given the name of a dead one takes over from it at once."""
    store_dsn: SecretStr = Field(alias="HEADRACE_STORE_DSN")
    """The platform's own Postgres."""
    dsn_secret: str = Field(default="headrace-dsn", min_length=1, alias="HEADRACE_DSN_SECRET")
    """The installation's Secret: runners get the store's DSN from it (key store), and the sources and destinations that
    are made from it are reached by the rest (source, target, elasticsearch-url, -api-key, -username, -password, -ca,
    -verify)."""
    runner_image: str = Field(default="headrace/runner:latest", min_length=1, alias="HEADRACE_RUNNER_IMAGE")
    runner_pull_policy: str = Field(default="IfNotPresent", alias="HEADRACE_RUNNER_PULL_POLICY")
    runner_cpu: str = Field(default="100m", alias="HEADRACE_RUNNER_CPU")
    """What a runner asks for; it may use more."""
    runner_memory: str = Field(default="256Mi", alias="HEADRACE_RUNNER_MEMORY")
    """What a runner may use: batches are bounded in bytes."""
    runner_cpu_limit: str | None = Field(default=None, alias="HEADRACE_RUNNER_CPU_LIMIT")
    """None is best: a limit makes a runner wait while the node is idle. For namespaces whose quota asks for one."""
    runner_service_account: str | None = Field(default=None, alias="HEADRACE_RUNNER_SERVICE_ACCOUNT")
    """Whose name the pods carry; none: the namespace's `default`. They get no token of it."""
    runner_pull_secrets: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), alias="HEADRACE_RUNNER_IMAGE_PULL_SECRETS"
    )
    """Comma separated names of Secrets in the namespace."""
    runner_priority_class: str | None = Field(default=None, alias="HEADRACE_RUNNER_PRIORITY_CLASS")
    runner_node_selector: Annotated[dict[str, str], NoDecode] = Field(
        default_factory=dict, alias="HEADRACE_RUNNER_NODE_SELECTOR"
    )
    """JSON, as all of the following."""
    runner_tolerations: Annotated[list[dict[str, Any]], NoDecode] = Field(
        default_factory=list, alias="HEADRACE_RUNNER_TOLERATIONS"
    )
    runner_volumes: Annotated[list[dict[str, Any]], NoDecode] = Field(
        default_factory=list, alias="HEADRACE_RUNNER_VOLUMES"
    )
    """As in a pod, such as a ConfigMap with the certificate of a database."""
    runner_volume_mounts: Annotated[list[dict[str, Any]], NoDecode] = Field(
        default_factory=list, alias="HEADRACE_RUNNER_VOLUME_MOUNTS"
    )
    runner_labels: Annotated[dict[str, str], NoDecode] = Field(default_factory=dict, alias="HEADRACE_RUNNER_LABELS")
    """Of Jobs and pods, besides our own."""
    runner_annotations: Annotated[dict[str, str], NoDecode] = Field(
        default_factory=dict, alias="HEADRACE_RUNNER_ANNOTATIONS"
    )
    runner_user: int | None = Field(default=RUNNER_USER, ge=1, le=2**31 - 1, alias="HEADRACE_RUNNER_USER")
    """User and group of the pods. None, `auto` in the environment: the image's, or what the cluster chooses."""
    runner_backoff_limit: int = Field(default=3, ge=0, le=20, alias="HEADRACE_RUNNER_BACKOFF_LIMIT")
    """How many pods of one Job may die before another attempt, or the end."""
    job_ttl_seconds: int = Field(default=60, ge=0, alias="HEADRACE_JOB_TTL_SECONDS")
    """How long an ended Job stays to be looked at."""
    allowed_targets: Annotated[tuple[str, ...], NoDecode] = Field(
        default=DEFAULT_ALLOWED, alias="ALLOWED_TARGET_TABLES"
    )
    """Comma separated patterns such as `analytics.*`."""
    lost_after_seconds: float = Field(default=90, gt=0, alias="HEADRACE_LOST_AFTER_SECONDS")
    not_ready_seconds: float = Field(default=600, gt=0, alias="HEADRACE_NOT_READY_SECONDS")
    grace_seconds: int = Field(default=120, ge=1, alias="HEADRACE_GRACE_SECONDS")
    """What a runner is given to finish its batch."""
    max_concurrent_runs: int = Field(default=10, ge=1, alias="HEADRACE_MAX_CONCURRENT_RUNS")
    max_streams: int = Field(default=50, ge=1, alias="HEADRACE_MAX_STREAMS")
    """How many streams may be at work at once: they do not count as runs. Further ones wait."""
    run_history: int = Field(default=20, ge=1, alias="HEADRACE_RUN_HISTORY")
    """How many ended runs of a pipeline stay as resources; the store keeps all."""
    purge_after_days: float = Field(default=7, gt=0, alias="HEADRACE_PURGE_AFTER_DAYS")
    """When the history of a deleted pipeline is removed."""
    wal_history_days: float = Field(default=7, gt=0, alias="HEADRACE_WAL_HISTORY_DAYS")
    """How long the store keeps what was measured of the sources' WAL."""
    wal_interval_seconds: float = Field(default=60, gt=0, alias="WAL_MONITOR_INTERVAL_SECONDS")
    """How often each source and destination is looked at."""
    wal_timeout_seconds: float = Field(default=10, gt=0, alias="WAL_MONITOR_TIMEOUT_SECONDS")
    """When a look at one of them is given up; the others go on meanwhile."""
    sweep_seconds: float = Field(default=30, gt=0, alias="HEADRACE_SWEEP_SECONDS")
    poll_seconds: float = Field(default=1, gt=0, alias="HEADRACE_POLL_SECONDS")
    workers: int = Field(default=8, ge=1, le=64, alias="HEADRACE_WORKERS")
    """How many pipelines are looked at side by side."""
    schedule_workers: int = Field(default=8, ge=1, le=64, alias="HEADRACE_SCHEDULE_WORKERS")
    """How many schedules are looked at side by side."""
    lease: bool = Field(default=True, alias="HEADRACE_LEASE")
    """false: whoever runs works, without a Lease. Only for tests, and to debug a single process."""
    metrics_per_pipeline: bool = Field(default=True, alias="HEADRACE_METRICS_PER_PIPELINE")
    """Whether /metrics tells pipelines apart: a dozen series for each."""
    probe_host: str = Field(default="127.0.0.1", alias="HOST")
    probe_port: int = Field(default=8081, ge=0, le=65535, alias="HEADRACE_PROBE_PORT")
    db_pool_size: int = Field(default=5, ge=1, le=1000, alias="DB_POOL_SIZE")
    db_max_overflow: int = Field(default=5, ge=0, le=1000, alias="DB_MAX_OVERFLOW")
    db_pool_timeout: float = Field(default=10.0, gt=0, le=600, alias="DB_POOL_TIMEOUT")
    log_level: str = Field(default="INFO", pattern=r"^(DEBUG|INFO|WARNING|ERROR)$", alias="LOG_LEVEL")

    @field_validator("allowed_targets", "runner_pull_secrets", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return patterns_of(value) if isinstance(value, str) else value

    @field_validator("runner_user", mode="before")
    @classmethod
    def _choose(cls, value: object) -> object:
        if value == "auto":
            return None
        if isinstance(value, str) and not (value.isascii() and value.isdecimal()):
            raise ValueError("it is neither the number of a user nor auto")
        return value

    @field_validator("runner_node_selector", "runner_labels", "runner_annotations", *_JSON_LISTS, mode="before")
    @classmethod
    def _parse(cls, value: object, info: ValidationInfo) -> object:
        try:
            # Empty, or `null`, by which Helm drops a value: there are none.
            found = json.loads(value or "null") if isinstance(value, str) else value
        except ValueError:
            raise ValueError("it is no JSON") from None
        return ([] if info.field_name in _JSON_LISTS else {}) if found is None else found

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @property
    def limits(self) -> Limits:
        """What plans are bound by."""
        return Limits(
            installation=self.installation,
            namespace=self.namespace,
            allowed_targets=self.allowed_targets,
            max_concurrent_runs=self.max_concurrent_runs,
            max_streams=self.max_streams,
            lost_after=timedelta(seconds=self.lost_after_seconds),
            not_ready_after=timedelta(seconds=self.not_ready_seconds),
            grace=timedelta(seconds=self.grace_seconds),
            history=self.run_history,
        )
