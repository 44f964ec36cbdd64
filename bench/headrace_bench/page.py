"""The documentation's page: what stands between two marks is replaced by what was found."""

from pathlib import Path

from headrace_bench.report import Report
from headrace_bench.tables import everything


class NoMarksError(Exception):
    """The page has no place for the results."""


def write(page: Path, report: Report) -> None:
    """Replaces the results of this kind in the page; all else stays."""
    first, last = f"<!-- results: {report.kind} -->\n", f"<!-- end of results: {report.kind} -->\n"
    before, begun, rest = page.read_text().partition(first)
    _, ended, after = rest.partition(last)
    if not begun or not ended:
        raise NoMarksError(f"{page} lacks {first.strip()} or {last.strip()}")
    page.write_text(f"{before}{first}\n{everything(report)}\n\n{last}{after}")
