"""When Jobs end, as the Kubernetes API tells those who watch."""

import os
import subprocess
import threading
import time
from types import TracebackType
from typing import Self

from headrace_local.kubectl import Kubectl

_LINE = r'jsonpath={.metadata.labels.headrace\.dev/run}{" "}{.status.conditions[*].type}{"\n"}'
_ENDED = {"Complete", "Failed"}


class JobWatch:
    """Notes the moment, by the monotonic clock, at which the Job of each run was seen to have ended."""

    def __init__(self, kubectl: Kubectl) -> None:
        command = [*kubectl.command, "--namespace", kubectl.namespace, "get", "jobs", "--watch", "-o", _LINE]
        environment = {**os.environ, "KUBECONFIG": kubectl.kubeconfig}
        self._watch = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._ended: dict[str, float] = {}
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._watch.terminate()
        self._watch.wait()
        self._thread.join(timeout=5)

    def ended_at(self, run_id: str) -> float | None:
        """When the Job of a run ended, or None when that was not seen."""
        return self._ended.get(run_id)

    def _read(self) -> None:
        for line in self._watch.stdout or ():
            run_id, *conditions = line.split()
            if _ENDED & set(conditions):
                self._ended.setdefault(run_id, time.monotonic())
