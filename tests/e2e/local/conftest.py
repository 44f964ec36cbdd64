"""Clusters of their own for the tests of this folder: Headrace is not on them."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.local.clusters import ORDINARY_USER, THIS_USER, Cluster, make_machine, prepare

from headrace_local.errors import UnsupportedMachineError
from headrace_local.machine import build
from headrace_local.machine.namespace import check


@pytest.fixture(scope="session")
def binary() -> Path:
    try:
        check()
    except UnsupportedMachineError as error:
        pytest.skip(str(error))
    return build.binary(sys.stderr.write)


@pytest.fixture(scope="session", params=[THIS_USER, ORDINARY_USER])
def cluster(request: pytest.FixtureRequest, binary: Path) -> Iterator[Cluster]:
    """Two nodes, as whoever runs the tests and, when that is root, as an ordinary user too."""
    is_ordinary = request.param == ORDINARY_USER
    if is_ordinary and os.geteuid() != 0:
        pytest.skip("the tests run as an ordinary user already")
    home = Path(tempfile.mkdtemp(prefix="headrace-test-"))
    machine = make_machine(home, binary, is_ordinary=is_ordinary)
    made = machine.up("core", "--nodes", "2")
    try:
        prepare(made.kubectl)
        yield made
    finally:
        made.down()
        shutil.rmtree(home)
