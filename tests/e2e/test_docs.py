"""The documentation is true: its manifests are accepted, its calls and commands exist."""

import re
from pathlib import Path

import httpx
import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_CALL = re.compile(r"curl(?:[^\n]*\\\n)*[^\n]*?(/api/v1/[^\s'\"?]*)")
_METHOD = re.compile(r"-X (\w+)")


def blocks(page, *languages):
    return [text for language, text in _BLOCK.findall(page.read_text()) if language in languages]


def name(page):
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_manifests_are_accepted_by_the_api_server(world, page):
    for text in blocks(page, "yaml"):
        for document in yaml.safe_load_all(text):
            if isinstance(document, dict) and document.get("apiVersion", "").startswith("headrace.dev/"):
                # One that an example made may have the same name.
                document["metadata"] = {"generateName": f"{document['metadata'].get('name', 'docs')}-"}
                world.kubectl.run("create", "--dry-run=server", "-f", "-", stdin=yaml.safe_dump(document))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_call_is_in_the_openapi_schema(world, page):
    paths = httpx.get(world.api.base.removesuffix("/api/v1") + "/openapi.json").json()["paths"]
    for text in blocks(page, "sh", "console"):
        for command in text.replace("\\\n", " ").splitlines():
            for path in _CALL.findall(command):
                pattern = re.sub(r"\$\{?\w+\}?", "x", path).rstrip("/")
                found = [p for p in paths if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", p), pattern)]
                assert found, f"{path} in {name(page)}"
                method = (_METHOD.findall(command) or ["POST" if " -d" in command else "GET"])[0].lower()
                assert any(method in paths[p] for p in found), f"{method} {path} in {name(page)}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_of_make_exist(page):
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for text in blocks(page, "sh", "console"):
        assert set(re.findall(r"^(?:\$ )?make ([a-z0-9-]+)", text, re.MULTILINE)) <= targets
