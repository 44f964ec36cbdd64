"""The Dockerfile keeps its promises where a builder is not at hand to try them."""

import re
import tomllib
from pathlib import Path

import pytest

from headrace_local.chart.images import ROLES
from headrace_operator.settings import RUNNER_USER

ROOT = Path(__file__).parents[3]
LINES = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
INSTRUCTIONS = [line for line in LINES if line and not line.startswith("#")]


def _stages() -> dict[str, list[str]]:
    stages: dict[str, list[str]] = {}
    for line in INSTRUCTIONS:
        if line.startswith("FROM "):
            name = line.split()[-1]
            stages[name] = []
        elif stages:
            stages[name].append(line)
    return stages


STAGES = _stages()
FINAL = ("image", *ROLES)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_a_target_that_runs_its_module(role):
    (entry,) = [line for line in STAGES[role] if line.startswith("ENTRYPOINT")]
    assert entry == f'ENTRYPOINT ["python", "-m", "headrace_{role}"]'


def test_images_run_as_the_user_that_jobs_ask_for():
    users = [line for line in STAGES["image"] if line.startswith("USER")]
    assert users[-1] == f"USER {RUNNER_USER}:{RUNNER_USER}"
    assert not [line for role in ROLES for line in STAGES[role] if line.startswith("USER")]


def test_nothing_after_the_build_needs_a_shell():
    for line in (line for stage in FINAL for line in STAGES[stage]):
        if re.match(r"RUN|CMD|ENTRYPOINT", line):
            assert line.rstrip().endswith("]"), line


def test_the_version_is_the_projects():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"ARG VERSION={version}" in INSTRUCTIONS


def test_every_image_says_what_it_is():
    for role in ROLES:
        text = " ".join([*STAGES["image"], *STAGES[role]])
        for label in ("title", "description", "version", "revision", "source", "licenses"):
            assert f"org.opencontainers.image.{label}=" in text


def test_what_is_copied_is_there_and_not_ignored():
    sent = [
        line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    ]
    sources = [
        source
        for line in INSTRUCTIONS
        if line.startswith("COPY") and "--from" not in line
        for source in line.split()[1:-1]
    ]
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert source.split("/")[0] in sent, source


def test_no_stage_names_where_packages_come_from():
    text = "\n".join(INSTRUCTIONS)
    assert not re.search(r"https?://|index-url|INDEX_URL|trusted-host", text)
