"""Room for one more run at work: slots of the installation, and connections to a source."""

from headrace.lifecycle.case import NO_ROOM, Room
from headrace.lifecycle.endpoints import SourceUse
from headrace.lifecycle.moves import Move
from headrace.lifecycle.observed import Observed, PipelineSeen, RunSeen
from headrace.lifecycle.run_reporting import is_at_work


class Rooms:
    """Hands out what is left, of runs, of streams and of connections; a run at work has all it needs already.

    Who waits for a slot stands in nobody's way at the source, and who waits for the source holds no slot.
    """

    def __init__(self, observed: Observed, pipeline: PipelineSeen) -> None:
        self._observed, self._pipeline = observed, pipeline
        working = [run for run in observed.runs if is_at_work(run.status)]
        self._working = {run.uid: run.source_of(pipeline) for run in working}
        self._taken: set[str] = set()
        streams = sum(run.status.stream for run in working)
        limits = observed.limits
        self._free = {
            False: limits.max_concurrent_runs - observed.busy_elsewhere - (len(working) - streams),
            True: limits.max_streams - observed.streams_elsewhere - streams,
        }

    def take(self, run: RunSeen | None) -> Room:
        """Takes what the run needs, or nothing."""
        if run is None or run.uid in self._working:
            return Room()
        is_stream, source = run.is_stream_of(self._pipeline), run.source_of(self._pipeline)
        if self._free[is_stream] <= 0:
            return NO_ROOM
        if not self._has_connection(run, source):
            return Room(connection=False)
        self._free[is_stream] -= 1
        self._working[run.uid] = source
        self._taken.add(run.uid)
        return Room()

    def settle(self, run: RunSeen | None, move: Move | None) -> None:
        """Gives back what a run took and does not need after all: it is held, or waits for something else."""
        is_needed = move is not None and (bool(move.needs) or is_at_work(move.status))
        if run is None or run.uid not in self._taken or is_needed:
            return
        self._taken.discard(run.uid)
        del self._working[run.uid]
        self._free[run.is_stream_of(self._pipeline)] += 1

    def _has_connection(self, run: RunSeen, source: str) -> bool:
        """Whether one is left when all that wait before it have theirs."""
        seen = self._observed.sources.get(source)
        allowed = seen.connections_for_runs if seen is not None else None
        if allowed is None:
            return True
        use = self._observed.source_use.get(source, SourceUse())
        used = use.elsewhere + sum(other == source for other in self._working.values())
        waiting = [uid for uid in use.line if uid not in self._working]
        ahead = waiting.index(run.uid) if run.uid in waiting else len(waiting)
        return allowed - used - ahead > 0
