"""The examples work as they stand."""

import json
import re

import pytest
import yaml
from psycopg.rows import dict_row

from headrace_local.story import EXAMPLES

FOLDERS = sorted(path for path in EXAMPLES.iterdir() if path.is_dir())
FINAL = {"SUCCESS", "FAILED", "CANCELLED"}


def _snake(name):
    return re.sub(r"([A-Z])", lambda match: "_" + match[1].lower(), name)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_an_example_does_what_it_says(world, folder, request):
    search = request.getfixturevalue("search") if (folder / "expect.json").exists() else None
    setup = folder / "setup.sql"
    if setup.exists():
        world.source(setup.read_text())
    world.kubectl.run("apply", "-f", str(folder / "pipeline.yaml"))
    run = world.kubectl.run("create", "-f", str(folder / "run.yaml"), "-o", "name").partition("/")[2]
    start = folder / "start.yaml"
    if start.exists():
        world.wait_for_resource("etlr", run, lambda found: found["status"].get("phase") == "PENDING")
        world.kubectl.run("patch", "etlr", run, "--type=merge", "--patch-file", str(start))
    found = world.wait_for_resource("etlr", run, lambda found: found.get("status", {}).get("phase") in FINAL)
    assert found["status"]["phase"] == "SUCCESS", found["status"]
    assert (found_nothing(search, folder) if search else expected(world, folder)) == []


def found_nothing(search, folder):
    """The queries of expect.json that find nothing."""
    index = yaml.safe_load((folder / "pipeline.yaml").read_text())["spec"]["targetTable"].removeprefix("es:")
    search.request("POST", f"/{index}/_refresh")
    queries = json.loads((folder / "expect.json").read_text())
    counts = {name: search.request("POST", f"/{index}/_count", {"query": query}) for name, query in queries.items()}
    return [(name, answer) for name, (status, answer) in counts.items() if status != 200 or answer["count"] == 0]


def expected(world, folder):
    """The columns of expect.sql that are not true."""
    import psycopg

    with psycopg.connect(world.target_dsn, row_factory=dict_row) as connection:
        (row,) = connection.execute((folder / "expect.sql").read_bytes()).fetchall()
    return [name for name, value in row.items() if value is not True]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_example_is_explained_and_listed(folder):
    assert (folder / "README.md").read_text().startswith("# ")
    assert f"({folder.name})" in (EXAMPLES / "README.md").read_text()


def test_the_body_for_the_api_says_the_same_as_the_manifest():
    folder = EXAMPLES / "films-full"
    spec = yaml.safe_load((folder / "pipeline.yaml").read_text())["spec"]
    body = yaml.safe_load((folder / "pipeline.json").read_text())
    assert body == {_snake(name): value for name, value in spec.items()}
