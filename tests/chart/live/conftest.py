"""The chart on a real cluster: installed with Helm, in namespaces that take nothing but restricted pods."""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from tests.chart.live.site import SECRET, Site, of_kind, of_this_machine
from tests.e2e.world import World

from headrace_local.api import Api
from headrace_local.chart import accounts
from headrace_local.chart.release import Release

VALUES: dict[str, Any] = {
    "connections": {"existingSecret": SECRET},
    "allowedTargets": ["analytics.*"],
    "runner": {"lostAfterSeconds": 10},
}


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """A cluster for all tests of this folder."""
    is_kind = os.environ.get("HEADRACE_TEST_CLUSTER") == "kind"
    with of_kind(os.environ["HEADRACE_TEST_CONTEXT"]) if is_kind else of_this_machine() as found:
        yield found


@pytest.fixture(scope="session")
def release(site: Site) -> Release:
    """The release that most tests share: each leaves it as it was installed."""
    made = site.release("headrace", VALUES)
    made.install()
    return made


@pytest.fixture(scope="session")
def token(release: Release) -> str:
    """Of somebody who may make and change pipelines."""
    return accounts.token(release.kubectl, "tester", role="headrace-edit")


@pytest.fixture
def world(site: Site, release: Release, token: str) -> Iterator[World]:
    """Two pods of the API as they are now, and ways to make things that no other test touches."""
    release.wait_until_ready("operator", 2)
    with ExitStack() as stack:
        addresses = [stack.enter_context(site.reach(release, pod)) for pod in release.wait_until_ready("api", 2)]
        one, two = (stack.enter_context(Api(address, token=token)) for address in addresses)
        yield World(site.status.name, site.status, one, two, release.kubectl, token)


@pytest.fixture
def other_release(site: Site) -> Iterator[Callable[..., Release]]:
    """Makes releases in namespaces of their own; what is installed of them is gone at the end."""
    made: list[Release] = []

    def make(**values: Any) -> Release:
        made.append(site.release(f"other-{uuid.uuid4().hex[:6]}", {**VALUES, **values}))
        return made[-1]

    yield make
    for one in made:
        if one.is_installed():
            one.uninstall()
        one.kubectl.run("delete", "namespace", one.kubectl.namespace, "--wait=false")
