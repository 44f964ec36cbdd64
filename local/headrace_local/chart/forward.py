"""A port of a pod, reached from this machine as long as it is needed."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from headrace_local.errors import LocalError
from headrace_local.kubectl import Kubectl


@contextmanager
def forwarded(kubectl: Kubectl, target: str, port: int) -> Iterator[str]:
    """The address on loopback by which `pod/…` or `service/…` answers inside the block: http://127.0.0.1 and a port."""
    command = [*kubectl.command, "--namespace", kubectl.namespace, "port-forward", target, f":{port}"]
    environ = {**os.environ, "KUBECONFIG": kubectl.kubeconfig}
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    try:
        # Forwarding from 127.0.0.1:41237 -> 8000
        said = process.stdout.readline().strip()
        _, found, rest = said.partition("127.0.0.1:")
        if not found:
            raise LocalError(f"kubectl can't forward to {target}: {said}")
        # It says a line for each connection, and would wait for somebody to read it.
        Thread(target=process.stdout.read, daemon=True).start()
        yield f"http://127.0.0.1:{rest.split()[0]}"
    finally:
        process.terminate()
        process.wait()
