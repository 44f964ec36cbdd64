"""The Go packages of the cluster's binary pass their own tests."""

import os
import subprocess

import pytest

from headrace_local import programs
from headrace_local.errors import LocalError
from headrace_local.machine import build


def test_the_go_packages_pass_their_own_tests() -> None:
    """Those of ours: all of Kubernetes hangs on the main package alone."""
    try:
        go = programs.go("the cluster", build.SOURCES)
    except LocalError as error:
        pytest.skip(str(error))
    packages = ["./pki", "./processes", "./rootfs"]
    env = {**os.environ, "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    # As the cluster is built, so that what is compiled for it serves here: 2 s of work instead of 116.
    done = subprocess.run(
        [go, "test", "-trimpath", "-vet=off", *packages],
        cwd=build.SOURCES, env=env, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
