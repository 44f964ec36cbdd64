"""A cluster whose two operators both work at once: there is no Lease to keep one of them back."""

import os
import shlex
from collections.abc import Iterator

import pytest
from tests.e2e.conftest import SETTINGS
from tests.e2e.platform.client import Platform
from tests.e2e.world import World

from headrace_local import films
from headrace_local.api import Api
from headrace_local.chart import accounts
from headrace_local.kubectl import Kubectl
from headrace_local.machine import leftovers, lifecycle


@pytest.fixture(scope="module")
def rivals() -> Iterator[World]:
    """Two operators that both work."""
    leftovers.remove("rivals")
    name = leftovers.name_for("rivals", os.getpid())
    try:
        settings = (*SETTINGS, "HEADRACE_LEASE=false")
        status = lifecycle.up(lifecycle.Wish(name=name, operators=2, settings=settings), print)
        films.create(films.source_of(status.admin_dsn or ""), 10)
        kubectl = Kubectl(tuple(shlex.split(status.kubectl or "")), status.kubeconfig or "", status.namespace)
        token = accounts.token(kubectl, "tester", role="headrace-edit")
        with Api(status.apis[0], token=token) as api:
            yield World(name, status, api, api, kubectl, token)
    finally:
        lifecycle.down(name)


@pytest.fixture(scope="session")
def platform(world: World) -> Platform:
    """The platform family's calls, on the cluster that all end-to-end tests share."""
    return Platform(world)
