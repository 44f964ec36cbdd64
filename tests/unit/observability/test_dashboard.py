"""The dashboard asks for what there is, of a data source that is chosen."""

import json
import re
from pathlib import Path

import pytest
from tests.unit.observability.promql import labels_of, unknown

DASHBOARD = json.loads((Path(__file__).parents[3] / "charts/headrace/files/dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
VARIABLES = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
CHOSEN = {"type": "prometheus", "uid": "${datasource}"}
WANTED = [
    "headrace_runs", "headrace_runs_finished_total", "headrace_rows_read_total", "headrace_bytes_read_total",
    "headrace_pipeline_lag_seconds", "headrace_stream_lag_seconds", "headrace_due_times_total",
    "headrace_schedule_lag_seconds_bucket", "headrace_queue_length", "headrace_api_requests_total",
    "headrace_api_request_seconds_bucket", "headrace_kubernetes_requests_total", "headrace_sweep_age_seconds",
    "headrace_store_up", "process_resident_memory_bytes",
]  # fmt: skip


def queries(panel):
    return [target["expr"] for target in panel["targets"]]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_asks_for_metrics_and_labels_that_there_are(panel):
    assert [wrong for query in queries(panel) for wrong in unknown(query)] == []
    assert {"title", "description", "gridPos"} <= panel.keys()
    assert [panel["datasource"], *(target["datasource"] for target in panel["targets"])] == [CHOSEN] * (
        1 + len(panel["targets"])
    )


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_legend_names_only_labels_that_a_series_keeps(panel):
    for target in panel["targets"]:
        kept = set(re.split(r"[\s,]+", " ".join(re.findall(r"by \(([^)]*)\)", target["expr"]))))
        if "sum" not in target["expr"] and "max" not in target["expr"]:
            kept |= {"pod", "instance"}
        assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= kept


def test_what_one_wants_to_see_is_there():
    everything = " ".join(query for panel in PANELS for query in queries(panel))
    assert [name for name in WANTED if not re.search(rf"\b{name}\b", everything)] == []


def test_variables_are_read_from_metrics_that_there_are():
    assert VARIABLES["datasource"]["type"] == "datasource"
    for name in ("namespace", "pipeline"):
        metric = re.match(r"label_values\((\w+)", VARIABLES[name]["query"]["query"])
        assert metric is not None
        assert name == "namespace" or name in (labels_of(metric[1]) or ())


def test_panels_have_ids_and_places_of_their_own():
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    taken = set()
    for panel in PANELS:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
