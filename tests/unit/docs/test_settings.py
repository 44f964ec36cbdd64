"""The page about operations names every setting with its default, that about observability every metric."""

import re
from pathlib import Path

import pytest
from tests.unit.observability.families import ALL

from headrace_api.settings import Settings as ApiSettings
from headrace_operator.settings import Settings as OperatorSettings

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "operations.md").read_text()
FIELDS = {field.alias: field for model in (ApiSettings, OperatorSettings) for field in model.model_fields.values()}
ROWS = {
    name: re.split(r"\s*\|\s*", line)[2]
    for line in PAGE.splitlines()
    if line.startswith("| `")
    for name in re.findall(r"`([A-Z_0-9]+)`", line.split("|")[1])
}


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_is_documented(name):
    assert name in ROWS


def test_no_setting_is_documented_that_does_not_exist():
    assert ROWS.keys() - FIELDS.keys() == {"KUBECONFIG"}


@pytest.mark.parametrize(
    "name", [name for name, field in FIELDS.items() if isinstance(field.default, int | float | str)]
)
def test_defaults_are_as_documented(name):
    default = FIELDS[name].default
    shown = f"{default:g}" if isinstance(default, float) else str(default).lower() if default is True else str(default)
    assert shown in re.sub(r"[`,]", " ", ROWS[name]).split()


def test_every_metric_is_documented():
    told = set(re.findall(r"`(headrace_[a-z_]+)`", (DOCS / "observability.md").read_text()))
    assert told - {"headrace_runner"} == {metric.name for metric in ALL}
