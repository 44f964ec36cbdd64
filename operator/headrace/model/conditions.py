"""Conditions of the resources: types and reasons are constants, each with a sentence that the reference page shows."""

from enum import StrEnum
from typing import Literal, Self

from pydantic import Field

from headrace import names
from headrace.model.base import Status, Time, shown


class Described(StrEnum):
    """An enum whose members carry a sentence."""

    sentence: str

    def __new__(cls, value: str, sentence: str) -> Self:
        """Makes a member from its value and its sentence."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member


class ConditionType(Described):
    """What a condition is about."""

    READY = "Ready", "The specification is valid and the pipeline can be run."
    RUNNING = "Running", "A run is at work, or about to be."
    SUSPENDED = "Suspended", "No run starts: the pipeline is paused or disabled."
    DEGRADED = "Degraded", "The last run failed, or a run found something that wants attention."
    SOURCE_READ_ONLY = "SourceReadOnly", "The source's role can only read, as was last found. No run fails for it."
    CAN_CREATE = "CanCreate", "The destination's role may make schemas and tables, or indices."
    SLOT_HEALTHY = "SlotHealthy", "Each replication slot of the source is read from, or holds back little WAL."
    WAL_PRESSURE = "WalPressure", "Replication slots hold back much WAL, or leave little time until one is lost."
    PROJECT_FOUND = "ProjectFound", "The project that the pipeline names exists. It runs in any case."
    WAITING = "Waiting", "Due times wait for a run before them to end."
    CAUGHT_UP = "CaughtUp", "The stream has brought what was committed up to a moment ago."
    COMPLETE = "Complete", "The run has succeeded; all runs of the backfill have."
    FAILED = "Failed", "The run has failed or was cancelled, or some of the backfill's were; the message says why."


class Reason(Described):
    """Why a condition has its status, or a due time was not run."""

    VALID = "Valid", "The specification was checked and can be run."
    INVALID_SPEC = "InvalidSpec", "A field of the specification breaks a rule; the message names it."
    INVALID_QUERY = "InvalidQuery", "The source query is not one SELECT."
    TARGET_NOT_ALLOWED = "TargetNotAllowed", "The target is not on the installation's list of allowed targets."
    NOT_SUPPORTED = "NotSupported", "The specification asks for something that is not built yet."
    DUPLICATE_NAME = "DuplicateName", "An older pipeline of the namespace has the same spec.name."
    PIPELINE_MISSING = "PipelineMissing", "There is no pipeline of that name."
    SOURCE_MISSING = "SourceMissing", "There is no EtlSource of the name that the pipeline reads from."
    DESTINATION_MISSING = "DestinationMissing", "There is no EtlDestination of the name that the pipeline writes to."
    SAME_TABLE = "SameTable", "The pipeline would write into the very table that it reads."
    CONNECTED = "Connected", "The server let us in."
    HOST_UNKNOWN = "HostUnknown", "The host name is not known."
    CONNECTION_REFUSED = "ConnectionRefused", "Nothing listens at that address."
    NO_ANSWER = "NoAnswer", "The server did not answer in time."
    LOGIN_REFUSED = "LoginRefused", "The server does not take user and password."
    TLS_FAILED = "TlsFailed", "No TLS connection could be agreed upon; see sslmode and ca."
    DATABASE_MISSING = "DatabaseMissing", "There is no database of that name on the server."
    TOO_MANY_CONNECTIONS = "TooManyConnections", "The server has no free connection."
    SERVER_NOT_READY = "ServerNotReady", "The server is starting or stopping."
    CONNECTION_FAILED = "ConnectionFailed", "There is no way in; the message says why."
    STANDBY = "Standby", "The server is a standby, which takes no writes."
    SECRET_MISSING = "SecretMissing", "The Secret, or its key, does not exist."
    SECRET_NOT_ALLOWED = (
        "SecretNotAllowed",
        'The Secret lacks the label headrace.dev/credentials: "true", or belongs to another source or destination.',
    )
    MAY_CREATE = "MayCreate", "The role may make what is missing."
    MAY_NOT_CREATE = "MayNotCreate", "The role may not make schemas or tables: those of pipelines must be there."
    NO_SLOTS = "NoSlots", "The source has no replication slot."
    SLOTS_READ = "SlotsRead", "All slots are read from, or hold back little."
    SLOT_LEFT_BEHIND = "SlotLeftBehind", "A slot that nobody reads from holds back WAL; the message names it."
    SLOT_LOST = "SlotLost", "The server has removed WAL that a slot needs, or is about to; the message names it."
    WAL_HELD_BACK = "WalHeldBack", "Slots hold back more WAL than the source's thresholds say, or for little longer."
    WAL_IN_BOUNDS = "WalInBounds", "Slots hold back no more WAL than the source's thresholds say."
    NOT_MEASURED = "NotMeasured", "The WAL could not be measured."
    WAITING_FOR_SOURCE = "WaitingForSource", "A run waits for a connection: the source's maxConnections are in use."
    NO_RUN = "NoRun", "No run is requested or active."
    RUN_ACTIVE = "RunActive", "A run is moving rows."
    RUN_STARTING = "RunStarting", "A run has its Job, but has not reported yet."
    RUN_WAITING = "RunWaiting", "A run waits for the one before it."
    WAITING_FOR_SLOT = "WaitingForSlot", "A run waits because the installation runs as many as it may."
    WAITING_FOR_STORE = "WaitingForStore", "A run waits because the store's Postgres can't be reached."
    WAITING_FOR_START = "WaitingForStart", "The run was created suspended and waits to be started."
    WAITING_FOR_PIPELINE = "WaitingForPipeline", "The run names a pipeline that does not exist yet."
    POD_NOT_READY = "PodNotReady", "The run's pod does not start; the message says why."
    RETRYING = "Retrying", "An attempt ended badly; the run goes on from its last batch."
    RUNNER_LOST = "RunnerLost", "The runner fell silent; its Job was abandoned and another takes over."
    STOPPING = "Stopping", "The run finishes its batch and stops."
    PAUSED = "Paused", "The pipeline or the run is suspended by spec.suspend."
    DISABLED = "Disabled", "spec.enabled is false: schedules skip such a pipeline, and such a schedule is not due."
    NOT_SUSPENDED = "NotSuspended", "Nothing holds the pipeline back."
    SUCCEEDED = "Succeeded", "The last run succeeded."
    RUN_FAILED = "RunFailed", "The last run failed; the message is the run's."
    RUN_CANCELLED = "RunCancelled", "The run was cancelled."
    TIMED_OUT = "TimedOut", "The run took longer than it may."
    NEEDS_ATTENTION = "NeedsAttention", "The run succeeded, but found something that wants attention."
    BAD_ROWS = "BadRows", "The target refused rows, which are put aside as dead letters."
    PROJECT_EXISTS = "ProjectExists", "There is a project of that name."
    PROJECT_MISSING = "ProjectMissing", "There is no project of that name."
    SCHEDULE_MISSING = "ScheduleMissing", "The backfill names a schedule that does not exist."
    PIPELINE_PAUSED = "PipelinePaused", "The pipeline was paused when it was due."
    PIPELINE_DISABLED = "PipelineDisabled", "The pipeline's spec.enabled was false when it was due."
    MISSED = "Missed", "Nobody could attend to it in time, and catchUp leaves it out."
    DEADLINE_EXCEEDED = "DeadlineExceeded", "It could not be started within startingDeadline."
    RUNS_UNFINISHED = "RunsUnfinished", "As many runs of the schedule as it allows are not over."
    NOTHING_WAITS = "NothingWaits", "No due time waits."
    LAGGING = "Lagging", "The stream is more than a minute behind its source."
    IN_STEP = "InStep", "The stream is in step with its source."
    RUNS_ACTIVE = "RunsActive", "Runs of the backfill are made."
    RUNS_FAILED = "RunsFailed", "Some runs of the backfill failed; raise spec.retry to run them again."
    HEALTHY = "Healthy", "Nothing is known to be wrong."
    SOURCE_ONLY_READS = names.SOURCE_ONLY_READS, "The source's role has no right to write there."
    SOURCE_COULD_WRITE = names.SOURCE_COULD_WRITE, "The source's role has a right to write; the message gives one."
    SOURCE_RIGHTS_UNKNOWN = names.SOURCE_RIGHTS_UNKNOWN, "The source's grants could not be read, or not soon enough."


SOURCE_ROLE = {Reason.SOURCE_COULD_WRITE: False, Reason.SOURCE_ONLY_READS: True, Reason.SOURCE_RIGHTS_UNKNOWN: None}
"""The status of SourceReadOnly for each of its reasons; None: Unknown. Where attempts differ the first one counts."""


class Condition(Status):
    """One condition, in the form that Kubernetes tools know."""

    type: str
    """What it is about."""
    status: Literal["True", "False", "Unknown"]
    """True, False or Unknown."""
    reason: str
    """Why, in one word."""
    message: str = Field(default="", max_length=32768)
    """Why, in a sentence."""
    last_transition_time: Time
    """When the status last changed."""
    observed_generation: int | None = None
    """The generation of the specification that this was computed from."""


def condition(
    type_: ConditionType, status: bool | None, reason: Reason, message: str, *, now: str, generation: int | None
) -> Condition:
    """Builds a condition, Unknown for None; without a message the reason's sentence stands for it."""
    return Condition(
        type=type_.value,
        status="Unknown" if status is None else "True" if status else "False",
        reason=reason.value,
        message=shown(message) or reason.sentence,
        last_transition_time=now,
        observed_generation=generation,
    )


def merge(old: list[Condition], new: list[Condition]) -> list[Condition]:
    """The new conditions, each with the time of its old one where the status did not change."""
    times = {c.type: c.last_transition_time for c in old for n in new if (c.type, c.status) == (n.type, n.status)}
    return [n.model_copy(update={"last_transition_time": times.get(n.type, n.last_transition_time)}) for n in new]
