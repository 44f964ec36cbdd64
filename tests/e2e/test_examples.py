"""The examples work as they stand."""

import base64
import contextlib
import json
import re
from urllib.parse import urlsplit

import psycopg
import pytest
import yaml
from psycopg.rows import dict_row

from headrace_local.demo.story import EXAMPLES
from headrace_local.waiting import wait_for

FOLDERS = sorted(path for path in EXAMPLES.iterdir() if path.is_dir())
FINAL = {"SUCCESS", "FAILED", "CANCELLED"}
APPLIED = ("connections.yaml", "project.yaml", "pipeline.yaml", "schedule.yaml", "backfill.yaml")
"""In this order, where they are there."""


def _snake(name):
    return re.sub(r"([A-Z])", lambda match: "_" + match[1].lower(), name)


def manifests(path):
    """The resources in a file; none where it does not exist."""
    return list(yaml.safe_load_all(path.read_text())) if path.exists() else []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_an_example_does_what_it_says(world, folder, request):
    search = request.getfixturevalue("search") if (folder / "expect.json").exists() else None
    if (folder / "setup.sql").exists():
        world.source((folder / "setup.sql").read_text())
    with applied(world, folder):
        streams = [run for run in created(world, folder) if ran(world, folder, run) == "RUNNING"]
        for schedule in manifests(folder / "schedule.yaml"):
            is_due(world, schedule)
        for backfill in manifests(folder / "backfill.yaml"):
            is_filled(world, backfill["metadata"]["name"])
        if (folder / "change.sql").exists():
            world.source((folder / "change.sql").read_text())
            wait_for("the change", lambda: expected(world, folder) == [], seconds=90, every=1)
        assert (found_nothing(search, folder) if search else expected(world, folder)) == []
        for run in streams:
            stopped(world, folder, run)


@contextlib.contextmanager
def applied(world, folder):
    """Applies the manifests that are there. What would go on by itself is removed in the end."""
    found = [folder / name for name in APPLIED if (folder / name).exists()]
    for path in found:
        world.kubectl.run("apply", "-f", "-", stdin=addressed(world, path.read_text()))
    try:
        yield
    finally:
        if (folder / "schedule.yaml").exists():
            world.kubectl.run("delete", "-f", str(folder / "schedule.yaml"), "--wait=false")


def addressed(world, text):
    """With the address of the cluster's Postgres, as pods see it, in place of the one that examples have."""
    dsn = base64.b64decode(world.kubectl.get("secret", "headrace-dsn")["data"]["source"]).decode()
    parts = urlsplit(dsn)
    return text.replace("host: db.example", f"host: {parts.hostname}").replace(
        "port: 5432", f"port: {parts.port or 5432}"
    )


def created(world, folder):
    """The names of the runs that run.yaml asks for."""
    if not (folder / "run.yaml").exists():
        return []
    names = world.kubectl.run("create", "-f", str(folder / "run.yaml"), "-o", "name").split()
    return [name.partition("/")[2] for name in names]


def ran(world, folder, run):
    """Starts a run that waits, and follows it: to SUCCESS, or a stream until it is in step with its source."""
    start = folder / "start.yaml"
    if start.exists():
        world.wait_for_resource("etlr", run, lambda found: found["status"].get("phase") == "PENDING")
        world.kubectl.run("patch", "etlr", run, "--type=merge", "--patch-file", str(start))
    found = world.wait_for_resource("etlr", run, is_over_or_in_step)
    phase = found["status"]["phase"]
    assert phase == ("RUNNING" if (folder / "stop.yaml").exists() else "SUCCESS"), found["status"]
    is_labelled(found)
    return phase


def is_over_or_in_step(run):
    status = run.get("status", {})
    return status.get("phase") in FINAL or bool(status.get("progress", {}).get("caughtUpAt"))


def is_labelled(run):
    """Tags that Kubernetes takes are labels too."""
    labels, tags = run["metadata"].get("labels", {}), run["spec"].get("tags") or {}
    wanted = {f"tag.headrace.dev/{key}": value for key, value in tags.items() if re.fullmatch(r"[\w.-]{1,63}", value)}
    assert wanted.items() <= labels.items()


def is_due(world, schedule):
    """A schedule that is enabled knows when it is due next; one that is due within seconds has run."""
    name, spec = schedule["metadata"]["name"], schedule["spec"]
    world.wait_for_resource("etls", name, lambda found: ready(found) == "True", seconds=30)
    status = world.kubectl.get("etls", name)["status"]
    assert bool(status.get("nextRunAt")) == spec.get("enabled", True), status
    if spec["expression"].endswith("s"):
        world.wait_for_resource("etls", name, lambda found: found["status"].get("lastRunAt"), seconds=30)


def ready(resource):
    conditions = resource.get("status", {}).get("conditions", [])
    return next((condition["status"] for condition in conditions if condition["type"] == "Ready"), None)


def is_filled(world, name):
    found = world.wait_for_resource(
        "etlb", name, lambda found: found.get("status", {}).get("phase") in FINAL, seconds=180
    )
    assert found["status"]["phase"] == "SUCCESS", found["status"]


def stopped(world, folder, run):
    world.kubectl.run("patch", "etlr", run, "--type=merge", "--patch-file", str(folder / "stop.yaml"))
    found = world.wait_for_resource("etlr", run, lambda found: found["status"]["phase"] in FINAL)
    assert found["status"]["phase"] == "CANCELLED", found["status"]


def found_nothing(search, folder):
    """The queries of expect.json that find nothing."""
    index = yaml.safe_load((folder / "pipeline.yaml").read_text())["spec"]["targetTable"].removeprefix("es:")
    search.request("POST", f"/{index}/_refresh")
    queries = json.loads((folder / "expect.json").read_text())
    counts = {name: search.request("POST", f"/{index}/_count", {"query": query}) for name, query in queries.items()}
    return [(name, answer) for name, (status, answer) in counts.items() if status != 200 or answer["count"] == 0]


def expected(world, folder):
    """The columns of expect.sql that are not true."""
    with psycopg.connect(world.target_dsn, row_factory=dict_row) as connection:
        try:
            (row,) = connection.execute((folder / "expect.sql").read_bytes()).fetchall()
        except psycopg.errors.UndefinedTable as error:
            return [str(error)]
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
