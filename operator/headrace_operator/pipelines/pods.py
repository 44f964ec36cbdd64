"""What is left of a run in the cluster: pods that may have a connection to its source."""

from collections.abc import Mapping
from typing import Any

from headrace import names
from headrace.cluster import Cluster
from headrace.lifecycle.readings import read_job

_ENDED = frozenset({"Succeeded", "Failed"})


async def has_pods(cluster: Cluster, run_uid: str) -> bool:
    """Whether a run has a pod that has not ended, or a Job that may get one. Raises HeadraceError: nobody knows."""
    of_run = f"{names.RUN_LABEL}={run_uid}"
    jobs = [read_job(job) for job in (await cluster.list_jobs(label_selector=of_run)).items]
    if not all(job.finished or job.is_quiet for job in jobs):
        return True
    return not all(map(has_ended, (await cluster.list_pods(label_selector=of_run)).items))


def has_ended(pod: Mapping[str, Any]) -> bool:
    """Whether its containers have."""
    return (pod.get("status") or {}).get("phase") in _ENDED
