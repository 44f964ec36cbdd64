"""values.yaml, its schema, the page and the model say the same."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from tests.chart.rendering import CHART, ROOT

from headrace_chart.__main__ import files
from headrace_chart.schema import defaults, schema
from headrace_chart.values import Values


def test_values_yaml_holds_the_defaults_of_the_model():
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert values == defaults()
    Values.model_validate(values)


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_the_files_are_up_to_date(path):
    assert path.read_text() == files()[path], "run `make generate`"


def test_every_value_has_a_sentence_and_a_comment():
    lines = [line.strip() for line in (CHART / "values.yaml").read_text().splitlines()]
    for path, node in _fields(schema(), ""):
        assert node.get("description", "").endswith("."), path
        first = node["description"].split()[0]
        assert any(line.startswith(f"# {first}") for line in lines), path


def test_nothing_unknown_is_taken():
    for path, node in _sections(schema(), ""):
        assert node["additionalProperties"] is False, path


def test_no_error_of_the_schema_prints_a_connection():
    """It would print what does not match."""
    for path, node in _fields(schema(), ""):
        if path.startswith("connections."):
            assert not node.keys() & {"pattern", "enum", "minLength", "maxLength"}, path


def test_the_page_names_every_value():
    page = (ROOT / "docs" / "values.md").read_text()
    for path, node in _fields(schema(), ""):
        if "properties" not in node:
            assert f"`{path}`" in page


def test_operations_names_the_value_of_each_setting():
    page = (ROOT / "docs" / "operations.md").read_text().partition("\n## Probes")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:4]] for line in page.splitlines() if line.startswith("| `")]
    known = {path for path, _ in _fields(schema(), "")}
    assert {path for _, _, value in rows for path in re.findall("`([^`]+)`", value)} <= known
    assert {setting for setting, _, value in rows if not value} == {"`KUBECONFIG`", "`SECRET_KEY`", "`HEADRACE_LEASE`"}


def test_the_chart_has_the_version_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == project["version"]


def _fields(node: dict[str, Any], prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, child in node.get("properties", {}).items():
        yield f"{prefix}{name}", child
        yield from _fields(child, f"{prefix}{name}.")


def _sections(node: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if "properties" in node:
        yield path, node
    for name, child in node.get("properties", {}).items():
        yield from _sections(child, f"{path}/{name}")
    if "items" in node:
        yield from _sections(node["items"], f"{path}/0")
