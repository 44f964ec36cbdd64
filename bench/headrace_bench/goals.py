"""What the benchmark must show, and whether it did."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from headrace_bench.report import Line, Report


class Met(StrEnum):
    """How far a goal is reached."""

    AIM = "aim"
    """The aim is reached, and with it the must."""
    MUST = "must"
    """What must be is, the aim is not."""
    NO = "**no**"
    """Less than what must be."""
    UNKNOWN = "not measured"
    """Its case was not among those measured."""


@dataclass(frozen=True, slots=True)
class Goal:
    """One bound; `aim` may be the name of the case whose ratio is the aim."""

    title: str
    found: Callable[[Report], float | None]
    must: float
    aim: float | str
    unit: str = ""
    at_most: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """A goal beside what was found."""

    goal: Goal
    found: float | None
    aim: float | None
    met: Met


def verdicts(report: Report, goals: tuple[Goal, ...]) -> list[Verdict]:
    """One for each goal."""
    found = []
    for goal in goals:
        aim = goal.aim if isinstance(goal.aim, float) else _ratio(goal.aim)(report)
        value = goal.found(report)
        found.append(Verdict(goal, value, aim, _met(goal, value, aim)))
    return found


def _met(goal: Goal, value: float | None, aim: float | None) -> Met:
    if value is None:
        return Met.UNKNOWN
    sign = -1 if goal.at_most else 1
    if aim is not None and sign * value >= sign * aim:
        return Met.AIM
    return Met.MUST if sign * value >= sign * goal.must else Met.NO


def _of(name: str, value: Callable[[Line], float | None]) -> Callable[[Report], float | None]:
    def found(report: Report) -> float | None:
        line = report.line(name)
        return value(line) if line else None

    return found


def _ratio(name: str) -> Callable[[Report], float | None]:
    return _of(name, lambda line: line.ratio)


def _wal_share(name: str) -> Callable[[Report], float | None]:
    """WAL in percent of what the plain pipe writes for the same rows."""

    def share(line: Line) -> float | None:
        run = line.median(lambda one: one.wal_bytes)
        plain = line.median(lambda one: one.wal_bytes, of_plain=True)
        return 100 * run / plain if run is not None and plain else None

    return _of(name, share)


def _cpu(line: Line) -> float | None:
    return line.median(lambda one: one.cpu_seconds)


def _peak(line: Line) -> float | None:
    return line.peak_bytes / 1e6 if line.peak_bytes else None


def _largest_peak(report: Report) -> float | None:
    peaks = [line.peak_bytes / 1e6 for line in report.lines if line.headrace and line.peak_bytes]
    return max(peaks, default=None)


def _over_best_peer(work: str) -> Callable[[Report], float | None]:
    """How many times as fast as the best of the others with the same work."""

    def found(report: Report) -> float | None:
        mine = report.line(f"headrace-{work}")
        others = [line.ratio for line in report.lines if not line.headrace and line.name.endswith(f"-{work}")]
        return mine.ratio / max(others) if mine and others else None

    return found


BENCH_GOALS = (
    Goal("empty target, batch 20,000", _ratio("empty-20000"), 1.2, "sorted"),
    Goal("empty target, default batch", _ratio("empty-1000"), 1.1, "sorted"),
    Goal("empty target, by staging, default batch", _ratio("staging-1000"), 0.7, 0.9),
    Goal("full target, all rows changed, default batch", _ratio("changed-1000"), 0.45, 0.6),
    Goal("full target, nothing changed, default batch", _ratio("unchanged-1000"), 0.9, 1.2),
    Goal("  its WAL, of the plain pipe's", _wal_share("unchanged-1000"), 1.0, 0.5, " %", at_most=True),
    Goal(
        "cluster, empty target: beyond the bare runner",
        _of("cluster-empty", lambda line: line.extra_seconds), 4.0, 3.0, " s", at_most=True,
    ),
    Goal(
        "cluster, nothing changed: beyond the bare runner",
        _of("cluster-unchanged", lambda line: line.extra_seconds), 4.0, 3.0, " s", at_most=True,
    ),
    Goal("peak memory of all runs", _largest_peak, 90.0, 60.0, " MB", at_most=True),
)  # fmt: skip
PEER_GOALS = (
    Goal("empty target: times the best peer's speed", _over_best_peer("empty"), 1.6, 2.5),
    Goal("all rows changed: times the best peer's speed", _over_best_peer("changed"), 1.6, 2.5),
)
ELASTICSEARCH_GOALS = (
    Goal("empty index", _ratio("elasticsearch-empty"), 0.85, 0.92),
    Goal("  its client's CPU", _of("elasticsearch-empty", _cpu), 1.5, 1.0, " s", at_most=True),
    Goal("  its peak memory", _of("elasticsearch-empty", _peak), 90.0, 60.0, " MB", at_most=True),
    Goal("peak memory of four times as many", _of("elasticsearch-large", _peak), 90.0, 60.0, " MB", at_most=True),
)
GOALS = {"bench": BENCH_GOALS, "peers": PEER_GOALS, "elasticsearch": ELASTICSEARCH_GOALS}
