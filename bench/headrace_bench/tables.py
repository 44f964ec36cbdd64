"""What was found as tables, in Markdown that reads well on a terminal too."""

from collections.abc import Sequence

from headrace_bench.goals import GOALS, Met, Verdict, verdicts
from headrace_bench.report import Line, Report


def everything(report: Report) -> str:
    """The goals, all lines, what failed, and where it was measured."""
    parts = [goals(verdicts(report, GOALS[report.kind])), lines(report), _failures(report), _where(report)]
    return "\n\n".join(part for part in parts if part)


def goals(found: Sequence[Verdict]) -> str:
    """What must be shown beside what was found, as far as it was measured."""
    measured = [verdict for verdict in found if verdict.met is not Met.UNKNOWN]
    rows = [_goal(verdict) for verdict in measured]
    return _table(["must show", "found", "must", "aim", "met"], rows) if rows else ""


def lines(report: Report) -> str:
    """One row a case: medians, but for memory, which is the largest."""
    words = report.words
    titles = ["what", "speed", "lowest to highest", f"{words.rows}/s", "seconds", "client CPU s", "peak MB", "WAL MB"]
    rows = [titles, *_plain(report), *(_line(report, line) for line in report.lines)]
    titles, *rest = rows if words.writes_wal else [row[:-1] for row in rows]
    return _table(titles, rest)


def _goal(verdict: Verdict) -> list[str]:
    goal = verdict.goal

    def text(value: float | None) -> str:
        return "" if value is None else f"{value:.2f}{goal.unit}" if not goal.unit else f"{value:.1f}{goal.unit}"

    aim = f"{goal.aim} pipe: {text(verdict.aim)}".rstrip(": ") if isinstance(goal.aim, str) else text(verdict.aim)
    return [goal.title, text(verdict.found), text(goal.must), aim, verdict.met]


def _plain(report: Report) -> list[list[str]]:
    """The plain pipe, over all its runs."""
    if not any(line.rows is None for line in report.lines):
        return []
    pairs = [pair for line in report.lines if line.rows is None for pair in line.pairs]
    every = Line(name="plain", title="", headrace=False, pairs=pairs)
    seconds = every.median(lambda one: one.seconds, of_plain=True) or 1.0
    cpu = every.median(lambda one: one.cpu_seconds, of_plain=True)
    wal = every.median(lambda one: one.wal_bytes, of_plain=True)
    numbers = [f"{report.rows / seconds:,.0f}", f"{seconds:.1f}", _number(cpu, 1), "", _number(wal, 0, 1e6)]
    return [[report.words.plain, "1.00", "", *numbers]]


def _line(report: Report, line: Line) -> list[str]:
    ratios = [pair.ratio for pair in line.pairs]
    seconds = line.median(lambda one: one.seconds) or 1.0
    # Where no row moved, rows a second would be a boast.
    rate = f"{(line.rows or report.rows) / seconds:,.0f}" if line.name != "idle" else ""
    ratio = [f"{line.ratio:.2f}", f"{min(ratios):.2f} to {max(ratios):.2f}"] if line.name != "idle" else ["", ""]
    cpu, wal = line.median(lambda one: one.cpu_seconds), line.median(lambda one: one.wal_bytes)
    numbers = [f"{seconds:.2f}" if seconds < 1 else f"{seconds:.1f}", _number(cpu, 1)]
    return [line.title, *ratio, rate, *numbers, _number(line.peak_bytes, 0, 1e6), _number(wal, 0, 1e6)]


def _failures(report: Report) -> str:
    return "\n".join(f"- {name} was not measured: {' '.join(why.split())}" for name, why in report.failures.items())


def _where(report: Report) -> str:
    machine = report.machine
    target = f", Elasticsearch {report.elasticsearch}" if report.elasticsearch else ""
    return (
        f"{report.rows:,} {report.words.rows} of {report.row_bytes:.0f} bytes, {report.rounds} rounds,"
        f" {report.started}; PostgreSQL {report.postgres}{target}; {machine['cores']} cores ({machine['processor']}),"
        f" {machine['memory']} of memory, {machine['system']}, Python {machine['python']}."
    )


def _number(value: float | None, digits: int, divisor: float = 1) -> str:
    return "" if value is None else f"{value / divisor:,.{digits}f}"


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[i]) for row in (titles, *rows)) for i in range(len(titles))]
    first, *others = widths
    lines = ["| " + " | ".join(_cells(row, widths)) + " |" for row in (titles, *rows)]
    rule = f"|{'-' * (first + 2)}|" + "".join(f"{'-' * (width + 1)}:|" for width in others)
    return "\n".join([lines[0], rule, *lines[1:]])


def _cells(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        cell.ljust(width) if i == 0 else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
