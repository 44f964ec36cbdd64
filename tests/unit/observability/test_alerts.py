"""Alerts ask for what there is, say what is wrong, and lead to a page that says what to do."""

import re
from pathlib import Path

import pytest
import yaml
from tests.unit.observability.families import ALL
from tests.unit.observability.promql import unknown

ROOT = Path(__file__).parents[3]
GROUPS = yaml.safe_load((ROOT / "charts/headrace/files/alerts.yaml").read_text())["groups"]
ALERTS = {rule["alert"]: rule for group in GROUPS for rule in group["rules"]}
RUNBOOKS = ROOT / "docs/runbooks"
PAGE = (ROOT / "docs/observability.md").read_text()
_LABEL = re.compile(r"\$labels\.(\w+)")


def test_no_name_is_given_twice():
    assert len(ALERTS) == sum(len(group["rules"]) for group in GROUPS)
    assert len({group["name"] for group in GROUPS}) == len(GROUPS)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_asks_for_metrics_and_labels_that_there_are(name):
    assert unknown(ALERTS[name]["expr"]) == []


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_is_complete(name):
    alert = ALERTS[name]
    assert re.fullmatch(r"Headrace[A-Z]\w+", name)
    assert re.fullmatch(r"\d+m", alert["for"])
    assert alert["labels"]["severity"] in {"warning", "critical"}
    assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert alert["annotations"]["runbook_url"] == f"docs/runbooks/{name}.md"
    assert f"| [{name}](runbooks/{name}.md) | {alert['labels']['severity']} |" in PAGE


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_names_only_labels_that_it_has(name):
    alert = ALERTS[name]
    kept = set(re.split(r"[\s,]+", " ".join(re.findall(r"by \(([^)]*)\)", alert["expr"]))))
    assert set(_LABEL.findall(str(alert["annotations"]))) <= kept


@pytest.mark.parametrize("name", ALERTS)
def test_a_runbook_says_what_it_means_what_it_costs_how_to_look_and_what_to_do(name):
    text = (RUNBOOKS / f"{name}.md").read_text()
    assert text.startswith(f"# {name}\n\nSeverity: {ALERTS[name]['labels']['severity']}.\n")
    sections = dict(zip(*[iter(re.split(r"^## (.*)$", text, flags=re.MULTILINE)[1:])] * 2, strict=True))
    assert list(sections) == ["Meaning", "Impact", "Diagnosis", "Mitigation"]
    assert all(section.strip() for section in sections.values())
    assert re.search(r"```sh\n.*(kubectl|curl|psql) ", sections["Diagnosis"], re.DOTALL)


def test_there_is_no_runbook_without_an_alert():
    assert {page.stem for page in RUNBOOKS.glob("*.md")} == ALERTS.keys()


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.stem)
def test_a_runbook_leads_to_pages_and_names_metrics_that_there_are(page):
    text = page.read_text()
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        assert (page.parent / link).is_file(), link
    assert set(re.findall(r"`(headrace_[a-z_]+)`", text)) <= {metric.name for metric in ALL}
