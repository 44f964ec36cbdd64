"""A real cluster for the tests of this folder: two nodes, two API processes, one operator; gone at the end."""

import json
import os
import shlex
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.conftest import SearchServer
from tests.e2e.world import LOST_AFTER, MEASURED_EVERY, UNANSWERED_AFTER, World

from headrace_local import films
from headrace_local.api import Api
from headrace_local.chart import accounts
from headrace_local.kubectl import Kubectl
from headrace_local.machine import leftovers, lifecycle

SETTINGS = (
    f"HEADRACE_LOST_AFTER_SECONDS={LOST_AFTER}",
    "ALLOWED_TARGET_TABLES=analytics.*,es:film_dim,es:test-*",
    "HEADRACE_MAX_CONCURRENT_RUNS=10",
    f"WAL_MONITOR_INTERVAL_SECONDS={MEASURED_EVERY}",
    f"WAL_MONITOR_TIMEOUT_SECONDS={UNANSWERED_AFTER}",
    # As the chart has it: all tests show who they are, and may do what people who edit pipelines may.
    "HEADRACE_AUTH_MODE=kubernetes",
)
FILMS = 2_000


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """The cluster, with a small film catalogue in its source."""
    leftovers.remove("e2e")
    name = leftovers.name_for("e2e", os.getpid())
    try:
        status = lifecycle.up(lifecycle.Wish(name=name, nodes=2, apis=2, settings=SETTINGS), print)
        films.create(films.source_of(status.admin_dsn or ""), FILMS)
        kubectl = Kubectl(tuple(shlex.split(status.kubectl or "")), status.kubeconfig or "", status.namespace)
        token = accounts.token(kubectl, "tester", role="headrace-edit")
        with Api(status.apis[0], token=token) as api, Api(status.apis[1], token=token) as other:
            _world.append(World(name, status, api, other, kubectl, token))
            yield _world[0]
    finally:
        lifecycle.down(name)


@pytest.fixture(scope="session")
def search(world: World, elasticsearch: SearchServer) -> SearchServer:
    """An Elasticsearch that the cluster's runs know. Only some tests need one, so that not each cluster starts it."""
    known = {"stringData": {"elasticsearch-url": elasticsearch.url}}
    world.kubectl.run("patch", "secret", "headrace-dsn", "--type=merge", "-p", json.dumps(known))
    for state in ("create", "condition=Ready"):
        world.kubectl.run("wait", "etldestination/elasticsearch", f"--for={state}", "--timeout=60s", seconds=70)
    return elasticsearch


@pytest.fixture
def together() -> Iterator[ThreadPoolExecutor]:
    """Threads for calls that are to be made at once."""
    with ThreadPoolExecutor(max_workers=25) as pool:
        yield pool


@pytest.fixture(scope="session")
def count() -> Callable[[str], None]:
    """Takes a sentence about what was measured; all of them are shown at the end."""
    return _counts.append


def pytest_terminal_summary(terminalreporter):
    """What was measured."""
    if _counts:
        terminalreporter.section("measured")
        for sentence in _counts:
            terminalreporter.write_line(sentence)


_world: list[World] = []
_counts: list[str] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows what operator and API wrote last."""
    report = yield
    if report.failed and _world:
        for process in ("operator", "api"):
            report.sections.append((f"log of {process}", _world[0].problems(process)))
    return report
