"""Names that the roles must agree on: the API group, labels, and names that are made from other names."""

import hashlib
import re
import unicodedata

GROUP = "headrace.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
CATEGORY = "etl"

PIPELINE_KIND, PIPELINE_PLURAL = "EtlPipeline", "etlpipelines"
RUN_KIND, RUN_PLURAL = "EtlRun", "etlruns"
PROJECT_KIND, PROJECT_PLURAL = "EtlProject", "etlprojects"
SCHEDULE_KIND, SCHEDULE_PLURAL = "EtlSchedule", "etlschedules"
BACKFILL_KIND, BACKFILL_PLURAL = "EtlBackfill", "etlbackfills"
SOURCE_KIND, SOURCE_PLURAL = "EtlSource", "etlsources"
DESTINATION_KIND, DESTINATION_PLURAL = "EtlDestination", "etldestinations"

DEFAULT_SOURCE = "default"
"""`metadata.name` of the EtlSource of pipelines that name none."""
DEFAULT_DESTINATION, DEFAULT_SEARCH = "default", "elasticsearch"
"""`metadata.name` of the EtlDestinations of pipelines that name none: of those into a table, and into an index."""

MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "headrace"
INSTALLATION_LABEL = f"{GROUP}/installation"
PIPELINE_LABEL = f"{GROUP}/pipeline"
"""The pipeline's uid, on runs and Jobs."""
RUN_LABEL = f"{GROUP}/run"
"""The run's uid, on Jobs and pods."""
ATTEMPT_LABEL = f"{GROUP}/attempt"
PROJECT_LABEL = f"{GROUP}/project"
"""`metadata.name` of the pipeline's project, on runs, where it fits."""
SCHEDULE_LABEL = f"{GROUP}/schedule"
"""The schedule's uid, on runs that it was the cause of."""
BACKFILL_LABEL = f"{GROUP}/backfill"
"""The backfill's uid, on its runs."""
TAG_PREFIX = f"tag.{GROUP}/"
"""In front of a run's tags, as labels."""
UPDATED_AT_ANNOTATION = f"{GROUP}/updated-at"
"""When the API last changed what a pipeline, project, schedule, source or destination asks for, RFC 3339."""
STATE_CHANGED_AT_ANNOTATION = f"{GROUP}/state-changed-at"
"""When the API last paused or resumed a pipeline, RFC 3339."""
CREDENTIALS_LABEL = f"{GROUP}/credentials"
"""On a Secret: "true" lets sources and destinations use what is in it."""
CREDENTIALS_CHANGED_ANNOTATION = f"{GROUP}/credentials-changed-at"
"""When the API last changed the password of a source or destination, RFC 3339: it wakes the operator."""
PASSWORD_SECRETS_ANNOTATION = f"{GROUP}/password-secrets"
"""On a source or destination: the Secrets that the API made for its passwords and has not seen go; `name=uid` each."""
CREATED_AT_ANNOTATION = f"{GROUP}/created-at"
"""When the API made a resource, RFC 3339: Kubernetes' own creation time has no fraction of a second."""

SOURCE_ONLY_READS = "SourceOnlyReads"
SOURCE_COULD_WRITE = "SourceCouldWrite"
SOURCE_RIGHTS_UNKNOWN = "SourceRightsUnknown"
"""A runner's notes about the source's role, of which it makes one: reasons of the condition SourceReadOnly."""

RESOURCE_NAME_LIMIT = 63
_HASH_LENGTH = 8


def slug(name: str) -> str:
    """`name` as a DNS label, possibly empty: lower case, ASCII, runs of anything else become one `-`."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_name.lower()).strip("-")


def resource_name(name: str) -> str:
    """The `metadata.name` for what the API makes: two POSTs of one name collide, two names do not."""
    digest = hashlib.sha256(name.encode()).hexdigest()[:_HASH_LENGTH]
    # Room for the `-2` of a name that a renamed pipeline still holds.
    head = slug(name)[: RESOURCE_NAME_LIMIT - _HASH_LENGTH - 6].strip("-") or "p"
    return f"{head}-{digest}"


def run_name(pipeline_uid: str, sequence: int) -> str:
    """The `metadata.name` of the run that `POST /pipelines/{id}/run` asks for; `sequence` counts from 1."""
    return f"{pipeline_uid}-{sequence}"


def run_sequence(pipeline_uid: str, name: str) -> int:
    """The number that `run_name` made a name with; 0 for a name that was given otherwise."""
    number = name.removeprefix(f"{pipeline_uid}-")
    return int(number) if number != name and number.isascii() and number.isdigit() and len(number) < 18 else 0


def due_run_name(owner_uid: str, due_seconds: int, retry: int = 0) -> str:
    """The name of the run for a due time (Unix seconds) of a schedule, or of a backfill that runs it again.

    The same whoever makes it and however often: what exists already was made before. `retry` counts from 1.
    """
    return f"{owner_uid}-{due_seconds}" + (f"-r{retry}" if retry else "")


def job_name(run_uid: str, attempt: int) -> str:
    """The name of the Job of one attempt (from 1) of a run: the same after a crash, so that it is recognised."""
    return f"etl-{run_uid}-a{attempt}"


def run_secret_name(run_uid: str) -> str:
    """The name of the Secret with what a run's pods reach source and target by."""
    return f"etl-{run_uid}"
