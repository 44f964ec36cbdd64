"""The operator, what it starts, and what is done before it starts."""

from typing import Annotated

from pydantic import Field

from headrace_chart.section import QUANTITY, Free, FreeList, NameOrEmpty, Port, Quantity, Section, UserOrAuto, Words
from headrace_chart.workload import Image, Workload, resources


class Operator(Workload):
    """The operator's Deployment. One pod holds the Lease and works, the others wait to take over."""

    image: Image = Image(repository="headrace/operator")
    """The operator's image."""
    resources: Free = Field(default_factory=lambda: resources("50m", "192Mi", "1", "512Mi"))
    """What a pod asks for, and what it may use. 10,000 pipelines take 200 MB."""
    probe_port: Port = 8081
    """The port of `/livez`, `/readyz` and `/metrics`."""
    max_concurrent_runs: Annotated[int, Field(ge=1)] = 10
    """Runs at work at once; more wait their turn."""
    max_streams: Annotated[int, Field(ge=1)] = 50
    """Streams at work at once, beside those runs; more wait their turn."""
    run_history: Annotated[int, Field(ge=1)] = 20
    """Ended runs of a pipeline that stay as resources. The store keeps all."""
    purge_after_days: Annotated[float, Field(gt=0)] = 7
    """When the history of a deleted pipeline is removed from the store."""
    sweep_seconds: Annotated[float, Field(gt=0)] = 30
    """How often everything is looked at, whatever events said."""
    poll_seconds: Annotated[float, Field(gt=0)] = 1
    """How often progress is read from the store."""
    wal_interval_seconds: Annotated[float, Field(ge=1, le=86400)] = 60
    """How often each source is asked what its replication slots hold back."""
    wal_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 10
    """When asking one source is given up. The others do not wait for it."""
    wal_history_days: Annotated[float, Field(gt=0)] = 7
    """How long the store keeps what was measured, for `/metrics/wal`."""
    metrics_per_pipeline: bool = True
    """Whether `/metrics` tells pipelines apart: a dozen series for each."""
    workers: Annotated[int, Field(ge=1, le=64)] = 8
    """Pipelines that are looked at side by side."""
    schedule_workers: Annotated[int, Field(ge=1, le=64)] = 8
    """Schedules that are looked at side by side."""


class RunnerAccount(Section):
    """Whose name the pods carry. They get no token of it, and it has no rights."""

    create: bool = True
    """Whether the chart makes it."""
    name: NameOrEmpty = ""
    """Its name. Empty: that of the release with `-runner`, or `default` when the chart makes none."""


class Runner(Section):
    """The pods of runs. They have no service-account token."""

    image: Image = Image(repository="headrace/runner")
    """The runner's image."""
    cpu: Quantity = "100m"
    """What a runner asks for; it may use more."""
    cpu_limit: Annotated[str, Field(pattern=f"^$|{QUANTITY}")] = ""
    """What it may use at most. Empty: no limit, which is best: one makes a runner wait while the node is idle. A
    namespace whose quota has `limits.cpu` wants it."""
    memory: Quantity = "256Mi"
    """What a runner asks for, and may use: batches are bounded in bytes."""
    grace_seconds: Annotated[int, Field(ge=1)] = 120
    """What a runner is given to finish its batch when it is asked to stop."""
    backoff_limit: Annotated[int, Field(ge=0, le=20)] = 3
    """How many pods of one Job may die before it is given up."""
    job_ttl_seconds: Annotated[int, Field(ge=0)] = 60
    """How long an ended Job stays to be looked at."""
    lost_after_seconds: Annotated[float, Field(gt=0)] = 90
    """Silence after which a runner may be lost."""
    not_ready_seconds: Annotated[float, Field(gt=0)] = 600
    """How long a pod may take to start."""
    user: UserOrAuto = 65532
    """User and group of its pods, by number. `auto`: none is named, for clusters that choose users themselves, such as
    OpenShift."""
    service_account: RunnerAccount = Field(default_factory=RunnerAccount)
    """Whose name the pods carry. They get no token of it, and it has no rights."""
    priority_class_name: NameOrEmpty = ""
    """Which pods go first when a node is full."""
    node_selector: Words = Field(default_factory=dict)
    """On which nodes pods may be."""
    tolerations: FreeList = ()
    """Which taints pods bear."""
    pod_labels: Words = Field(default_factory=dict)
    """More labels of Jobs and pods."""
    pod_annotations: Words = Field(default_factory=dict)
    """More annotations of Jobs and pods."""
    extra_volumes: FreeList = ()
    """More volumes, as in a pod, such as a ConfigMap with the certificate of a database."""
    extra_volume_mounts: FreeList = ()
    """Where they are mounted."""


class Migration(Section):
    """A Job that brings the store's tables up to date before anything else is installed or upgraded."""

    enabled: bool = True
    """Without it API and operator do that themselves when they start; then a DSN that does not answer shows in their
    logs, not in `helm install`. Its pod has the operator's image, `extraEnv`, `extraVolumes`, place and
    priority."""
    wait_seconds: Annotated[int, Field(ge=1)] = 30
    """How long a pod of it waits for a store that does not answer."""
    backoff_limit: Annotated[int, Field(ge=0, le=20)] = 1
    """How often another pod tries again."""
    deadline_seconds: Annotated[int, Field(ge=20)] = 270
    """How long all that may take. Helm waits 300 s for it, unless told (`--timeout`)."""
    resources: Free = Field(default_factory=lambda: resources("50m", "96Mi", "500m", "256Mi"))
    """What its pod asks for, and what it may use."""
