"""The CRDs are structural, say what every field means, and are not stale."""

import pytest
import yaml

from headrace.model import generate
from headrace.model.crd import crd
from headrace.model.kinds import KINDS

FORBIDDEN = {"$ref", "anyOf", "oneOf", "allOf", "not", "additionalItems", "patternProperties", "title", "const"}


def nodes(schema, path="spec"):
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from nodes(schema[key], f"{path}[]")


def root(kind):
    (version,) = crd(kind)["spec"]["versions"]
    return version["schema"]["openAPIV3Schema"]["properties"]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.kind)
def kind(request):
    return request.param


def test_the_schema_is_structural(kind):
    for part in ("spec", "status"):
        for path, node in nodes(root(kind)[part], part):
            assert not FORBIDDEN & node.keys(), path
            # A structural schema needs a type, or says that there may be several.
            assert "type" in node or node.get("x-kubernetes-preserve-unknown-fields"), path


def test_every_field_says_what_it_means(kind):
    for part in ("spec", "status"):
        for path, node in nodes(root(kind)[part], part):
            assert path.endswith("[]") or node.get("description"), path


def test_every_printer_column_and_selectable_field_exists(kind):
    paths = {"." + path for part in ("spec", "status") for path, _ in nodes(root(kind)[part], part)}
    (version,) = crd(kind)["spec"]["versions"]
    for column in version["additionalPrinterColumns"]:
        path = column["jsonPath"].split("[?")[0]
        assert path in paths or path.startswith(".metadata."), path
    assert {field["jsonPath"] for field in version["selectableFields"]} <= paths


def test_every_integer_holds_a_number_of_64_bits(kind):
    for path, node in nodes(root(kind)["spec"]):
        if node.get("type") == "integer":
            assert node["format"] == "int64", path


def test_the_generated_files_are_not_stale():
    for path, text in generate.files().items():
        assert path.read_text() == text, f"{path.name} is stale: run `make generate`"


def test_what_is_written_is_one_yaml_document():
    for path, text in generate.files().items():
        if path.suffix == ".yaml":
            assert yaml.safe_load(text)["kind"] == "CustomResourceDefinition"


def test_the_reference_page_shows_defaults_as_they_are_written():
    (page,) = [text for path, text in generate.files().items() if path.suffix == ".md"]
    assert "| `type` | `SQL`, `PYTHON` | `SQL` |" in page
