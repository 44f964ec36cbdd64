"""What the benchmark makes of its measurements."""

import dataclasses
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from headrace_bench import page, plot, tables
from headrace_bench.goals import Goal, Met, verdicts
from headrace_bench.report import Measured, Pair, Report

ROOT = Path(__file__).parents[3]


def measured(seconds, peak=50_000_000, wal=1_000):
    return Measured(seconds, 1.0, peak, wal)


def report(**ratios):
    """A report whose plain pipes take 10 s."""
    made = Report(
        kind="bench", started="2026-01-01", rows=1000, row_bytes=219.0, rounds=3, postgres="18.1",
        machine={"cores": "2", "processor": "some", "memory": "8 GiB", "system": "Linux 6", "python": "3.11"},
        settings={},
    )  # fmt: skip
    for name, values in ratios.items():
        for ratio in values:
            made.add(name, name, Pair(measured(10 / ratio), measured(10.0)))
    return made


def test_a_line_tells_the_median_of_ratios_and_the_largest_memory():
    made = report(empty=(0.5, 2.0))
    made.add("empty", "empty", Pair(measured(10.0, peak=70_000_000), measured(10.0)))
    line = made.line("empty")
    assert line is not None
    assert (line.ratio, line.peak_bytes) == (1.0, 70_000_000)


def test_the_cluster_is_compared_with_the_bare_runner_beside_it():
    made = report()
    for seconds in (12.0, 13.0, 19.0):
        made.add("cluster", "cluster", Pair(measured(seconds), measured(10.0), measured(11.0)))
    line = made.line("cluster")
    assert line is not None
    assert line.extra_seconds == 2.0


@pytest.mark.parametrize(
    ("found", "at_most", "met"),
    [
        (0.69, False, Met.NO), (0.7, False, Met.MUST), (0.9, False, Met.AIM),
        (0.91, True, Met.NO), (0.9, True, Met.NO), (0.7, True, Met.MUST), (0.5, True, Met.AIM),
        (None, False, Met.UNKNOWN),
    ],
)  # fmt: skip
def test_a_goal_is_met_or_not(found, at_most, met):
    aim = 0.6 if at_most else 0.9
    goal = Goal("some", lambda _: found, 0.7, aim, at_most=at_most)
    assert [verdict.met for verdict in verdicts(report(), (goal,))] == [met]


def test_the_ratio_of_another_case_can_be_the_aim():
    goal = Goal("some", lambda _: 1.5, 1.0, "sorted")
    assert verdicts(report(sorted=(1.6,)), (goal,))[0].met is Met.MUST
    assert verdicts(report(sorted=(1.4,)), (goal,))[0].met is Met.AIM


def test_a_report_comes_back_from_its_file(tmp_path):
    made = report(empty=(1.0, 2.0))
    made.add("cluster", "cluster", Pair(measured(12.0), measured(10.0), measured(11.0)))
    made.failures["sling"] = "not there"
    made.save(tmp_path / "new" / "bench.json")
    assert Report.load(tmp_path / "new" / "bench.json") == made


def test_what_is_not_measured_again_can_be_kept():
    earlier = report(empty=(1.0,), idle=(2.0,))
    earlier.failures.update(cluster="none", idle="late")
    now = report().keeping(earlier, lambda name: name == "idle")
    now.add("idle", "idle", Pair(measured(5.0), measured(10.0)))
    assert [(line.name, line.ratio) for line in now.lines] == [("empty", 1.0), ("idle", 2.0)]
    assert now.failures == {"cluster": "none"}


def test_lines_of_other_rows_are_not_kept():
    earlier = dataclasses.replace(report(empty=(1.0,)), rows=7)
    assert report().keeping(earlier, lambda _: False).lines == []


def test_a_plot_is_an_image_with_a_bar_for_each_line():
    made = report(**{"empty": (1.0, 2.0), "a<b": (0.3,)})
    picture = ET.fromstring(plot.draw(made))
    bars = [element for element in picture.iter() if element.get("class") == "ours"]
    assert len(bars) == 2
    assert "a<b" in [element.text for element in picture.iter()]


def test_a_page_keeps_all_but_its_results(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("before\n<!-- results: bench -->\nold\n<!-- end of results: bench -->\nafter\n")
    made = report(empty=(1.0,))
    page.write(path, made)
    page.write(path, made)
    text = path.read_text()
    assert text.startswith("before\n<!-- results: bench -->\n")
    assert text.endswith("<!-- end of results: bench -->\nafter\n")
    assert tables.everything(made) in text
    assert "old" not in text


def test_a_page_without_a_place_for_results_is_left_alone(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("<!-- results: bench -->\nmine\n")
    with pytest.raises(page.NoMarksError):
        page.write(path, report())
    assert path.read_text() == "<!-- results: bench -->\nmine\n"


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "performance").glob("*.json")), ids=lambda path: path.stem)
def test_the_page_in_the_documentation_shows_what_was_measured(path):
    """`make bench-report` writes it again."""
    made = Report.load(path)
    assert tables.everything(made) in (ROOT / "docs" / "performance.md").read_text()
    assert path.with_suffix(".svg").read_text() == plot.draw(made)


def test_a_failure_is_told_in_one_line():
    made = dataclasses.replace(report(), failures={"sling": "two\nlines"})
    assert "- sling was not measured: two lines" in tables.everything(made)


def test_an_index_has_words_of_its_own_and_no_wal():
    made = dataclasses.replace(report(), kind="elasticsearch", elasticsearch="9.5.3")
    made.add("elasticsearch-empty", "empty index", Pair(measured(10.0), measured(9.0)))
    text = tables.everything(made)
    assert "bodies built beforehand" in text
    assert "documents/s" in text
    assert "WAL" not in text
    assert "Elasticsearch 9.5.3" in text
    assert "to Elasticsearch 9.5.3" in plot.draw(made)


def test_a_line_of_more_rows_tells_their_rate_and_changes_no_median_of_the_plain_one():
    made = report(empty=(1.0,))
    made.add("large", "large", Pair(measured(40.0), measured(30.0)), rows=4000)
    lines = tables.lines(made).splitlines()
    assert [cell.strip() for cell in lines[2].split("|")[2:6]] == ["1.00", "", "100", "10.0"]
    assert [cell.strip() for cell in lines[4].split("|")[2:6]] == ["0.75", "0.75 to 0.75", "100", "40.0"]
