"""What was found as a picture: one bar a case, beside the plain pipe."""

from collections.abc import Sequence
from html import escape

from headrace_bench.report import Line, Report

_WIDTH, _LEFT, _RIGHT, _TOP, _ROW, _BAR = 940, 340, 70, 78, 30, 18
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 17px; font-weight: 600 } .small { font-size: 12px; fill: #656d76 }
  .paper { fill: #ffffff } .grid { stroke: #d8dee4 }
  .plain { stroke: #57606a; stroke-width: 1.5; stroke-dasharray: 4 3 }
  .ours { fill: #0969da } .others { fill: #afb8c1 } .range { stroke: #1f2328; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .small { fill: #8d96a0 } .paper { fill: #0d1117 } .grid { stroke: #30363d }
    .plain { stroke: #8d96a0 } .ours { fill: #4493f8 } .others { fill: #656d76 } .range { stroke: #e6edf3 }
  }
"""


def draw(report: Report) -> str:
    """An SVG: each bar the median, a line from the lowest to the highest."""
    # An incremental run with nothing to do moves no rows: its place is the table.
    shown = [line for line in report.lines if line.name != "idle"]
    height = _TOP + _ROW * len(shown) + 34
    top = max([1.0, *(pair.ratio for line in shown for pair in line.pairs)])
    scale = (_WIDTH - _LEFT - _RIGHT) / (top * 1.05)
    body = [*_head(report), *_grid(top, scale, height), *_bars(shown, scale)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">\n'
        f"<style>{_STYLE}</style>\n" + "\n".join(body) + "\n</svg>\n"
    )


def _head(report: Report) -> list[str]:
    target = f"Elasticsearch {report.elasticsearch}" if report.elasticsearch else "Postgres"
    note = (
        f"{report.rows:,} {report.words.rows} of {report.row_bytes:.0f} bytes, Postgres {report.postgres} to {target}, "
        f"{report.machine['cores']} cores; median of {report.rounds} rounds; 1.0 = {report.words.measure}"
    )
    return [
        '<rect class="paper" width="100%" height="100%" rx="8"/>',
        f'<text class="title" x="20" y="30">{escape(report.words.title)}</text>',
        f'<text class="small" x="20" y="50">{escape(note)}</text>',
    ]


def _grid(top: float, scale: float, height: int) -> list[str]:
    step = 0.5 if top > 1.2 else 0.2
    marks = []
    for number in range(int(top * 1.05 / step) + 1):
        x = _LEFT + number * step * scale
        kind = "plain" if abs(number * step - 1) < step / 10 else "grid"
        marks.append(f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 8}" y2="{height - 30}"/>')
        label = f"{number * step:.1f}"
        marks.append(f'<text class="small" x="{x:.1f}" y="{height - 12}" text-anchor="middle">{label}</text>')
    return marks


def _bars(lines: Sequence[Line], scale: float) -> list[str]:
    marks = []
    for number, line in enumerate(lines):
        y = _TOP + number * _ROW
        ratios = [pair.ratio for pair in line.pairs]
        low, high, end = (_LEFT + value * scale for value in (min(ratios), max(ratios), line.ratio))
        middle = y + _BAR / 2
        kind = "ours" if line.headrace else "others"
        marks += [
            f'<text x="{_LEFT - 10}" y="{middle + 4.5:.1f}" text-anchor="end">{escape(line.title)}</text>',
            f'<rect class="{kind}" x="{_LEFT}" y="{y}" width="{end - _LEFT:.1f}" height="{_BAR}" rx="2"/>',
            f'<line class="range" x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}"/>',
            f'<text x="{max(high, end) + 8:.1f}" y="{middle + 4.5:.1f}">{line.ratio:.2f}</text>',
        ]
    return marks
