"""What the operator sees of one preview at one moment: all that a plan is made from."""

from dataclasses import dataclass
from datetime import datetime

from headrace.lifecycle.observed import JobSeen, PodSeen, ProgressSeen, RunSeen
from headrace.model.conditions import Reason


@dataclass(frozen=True, slots=True)
class Wait:
    """Why it can't begin yet."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An EtlRun of kind Preview, and what there is of it."""

    now: datetime
    run: RunSeen
    source: str
    """metadata.name of the EtlSource that it reads from."""
    destination: str | None = None
    """metadata.name of the EtlDestination that it looks at."""
    problem: str = ""
    """Why there will be nothing to see, in words: of its specification, or of the source, destination or Secret."""
    wait: Wait | None = None
    """None: it has its turn."""
    job: JobSeen | None = None
    pod: PodSeen | None = None
    """Of a Job that has failed, or is late."""
    progress: ProgressSeen | None = None
    """What its runner said; None: the store is away."""
