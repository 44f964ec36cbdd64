"""What the operator creates: the Job of an attempt, what a run is adopted by, Events."""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from headrace import names
from headrace.exits import Exit
from headrace.lifecycle.actions import CreateJob, EmitEvent
from headrace.manifests import Manifest, labels, owner
from headrace.model.base import shown
from headrace.model.times import to_text
from headrace.target import ELASTICSEARCH
from headrace_operator import mounts
from headrace_operator.settings import Settings

PIPELINE_NAME_ANNOTATION = f"{names.GROUP}/pipeline-name"
SOURCE_ANNOTATION = f"{names.GROUP}/source"
"""`metadata.name` of the EtlSource that a pod has a connection to: by that it counts when its run is gone."""
EVICTION_SECONDS = 30
"""A pod on a node that does not answer is marked for deletion after that: it tells lost runners from slow ones."""
_MESSAGE_LIMIT = 1024
_CONNECTIONS = "headrace-connections"
"""The volume with the run's Secret."""
_READABLE = 0o444
"""Whoever the cluster has the pod run as must read it; nobody else is in the pod."""


def job(step: CreateJob, *, pipeline_name: str, pipeline_uid: str, settings: Settings) -> Manifest:
    """The Job of one attempt: one pod at a time, replaced only when it is gone for good."""
    own = {names.RUN_LABEL: step.run_uid, names.ATTEMPT_LABEL: str(step.attempt)}
    # Ours are what everything is found by: they win.
    every = settings.runner_labels | labels(settings.installation, pipeline_uid) | own
    annotations = settings.runner_annotations | {
        PIPELINE_NAME_ANNOTATION: pipeline_name,
        SOURCE_ANNOTATION: step.source,
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": step.job,
            "labels": every,
            "annotations": annotations,
            "ownerReferences": [owner(names.RUN_KIND, step.run, step.run_uid)],
        },
        "spec": {
            "completions": 1,
            "parallelism": 1,
            "backoffLimit": settings.runner_backoff_limit,
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": {"rules": _failure_rules()},
            "template": {
                "metadata": {"labels": every, "annotations": annotations},
                "spec": _pod(step, settings),
            },
        },
    }


def _failure_rules() -> list[Manifest]:
    return [
        {"action": "FailJob", "onExitCodes": _exits(Exit.FAILED)},
        {"action": "Ignore", "onExitCodes": _exits(Exit.STOPPED, Exit.SUPERSEDED)},
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
    ]


def _exits(*codes: Exit) -> Manifest:
    return {"containerName": "runner", "operator": "In", "values": [code.value for code in codes]}


def _pod(step: CreateJob, settings: Settings) -> Manifest:
    tolerations = [
        {"key": f"node.kubernetes.io/{taint}", "operator": "Exists", "effect": "NoExecute",
         "tolerationSeconds": EVICTION_SECONDS}
        for taint in ("not-ready", "unreachable")
    ]  # fmt: skip
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": settings.grace_seconds,
        "tolerations": tolerations + settings.runner_tolerations,
        "securityContext": {
            "runAsNonRoot": True,
            **_user(settings),
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(step, settings)],
        "volumes": [_connections(step.run_uid), *settings.runner_volumes],
        **_placement(settings),
    }


def _user(settings: Settings) -> dict[str, int]:
    """Where the cluster chooses users, to name one is to be refused."""
    if settings.runner_user is None:
        return {}
    return {"runAsUser": settings.runner_user, "runAsGroup": settings.runner_user}


def _placement(settings: Settings) -> Manifest:
    """What the installation says of its pods, as far as it says something."""
    asked = {
        "serviceAccountName": settings.runner_service_account,
        "imagePullSecrets": [{"name": name} for name in settings.runner_pull_secrets],
        "priorityClassName": settings.runner_priority_class,
        "nodeSelector": settings.runner_node_selector,
    }
    return {field: value for field, value in asked.items() if value}


def _container(step: CreateJob, settings: Settings) -> Manifest:
    plain = {
        "HEADRACE_RUN_ID": step.run_uid,
        "HEADRACE_EPOCH": str(step.epoch),
        # The runner's own deadline comes before the one of Kubernetes, so that it can roll back and say so.
        "HEADRACE_GRACE_SECONDS": str(max(1, settings.grace_seconds - 5)),
        "ALLOWED_TARGET_TABLES": ",".join(settings.allowed_targets),
    }
    return {
        "name": "runner",
        "image": settings.runner_image,
        "imagePullPolicy": settings.runner_pull_policy,
        "command": ["python", "-m", "headrace_runner"],
        "env": [
            *({"name": name, "value": value} for name, value in plain.items()),
            _store(settings),
            *_files(step.target_kind),
        ],
        "resources": {
            "requests": {"cpu": settings.runner_cpu, "memory": settings.runner_memory},
            "limits": {"memory": settings.runner_memory} | _cpu_limit(settings),
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": _CONNECTIONS, "mountPath": mounts.MOUNT, "readOnly": True},
            *settings.runner_volume_mounts,
        ],
    }


def _cpu_limit(settings: Settings) -> dict[str, str]:
    return {"cpu": settings.runner_cpu_limit} if settings.runner_cpu_limit else {}


def _connections(run_uid: str) -> Manifest:
    """What the run needs for its source and its target, and nothing of others."""
    return {
        "name": _CONNECTIONS,
        "secret": {"secretName": names.run_secret_name(run_uid), "defaultMode": _READABLE},
    }


def _files(target_kind: str) -> list[Manifest]:
    """Where it is found: read anew whenever a connection is made, for a password may change meanwhile."""
    files = {"HEADRACE_SOURCE_DSN_FILE": mounts.SOURCE}
    if target_kind == ELASTICSEARCH:
        files["HEADRACE_ELASTICSEARCH_FILE"] = mounts.ELASTICSEARCH
    elif target_kind:
        files["HEADRACE_TARGET_DSN_FILE"] = mounts.TARGET
    return [{"name": name, "value": f"{mounts.MOUNT}/{key}"} for name, key in files.items()]


def _store(settings: Settings) -> Manifest:
    return {
        "name": "HEADRACE_STORE_DSN",
        "valueFrom": {"secretKeyRef": {"name": settings.dsn_secret, "key": "store"}},
    }


def adoption(pipeline_name: str, pipeline_uid: str, settings: Settings, own: Mapping[str, str]) -> Manifest:
    """The patch that gives a run, made by hand, its owner and labels: its `own`, and those of its pipeline."""
    return {
        "metadata": {
            "labels": {**own, **labels(settings.installation, pipeline_uid)},
            "ownerReferences": [owner(names.PIPELINE_KIND, pipeline_name, pipeline_uid)],
        }
    }


def event(step: EmitEvent, *, pipeline_name: str, namespace: str, now: datetime) -> Manifest:
    """An Event; its name is made from what it says, so that the same one is never there twice."""
    kind, name = (names.RUN_KIND, step.run) if step.run else (names.PIPELINE_KIND, pipeline_name)
    message = shown(step.message[:_MESSAGE_LIMIT])
    digest = hashlib.sha256(f"{step.uid}/{step.reason}/{message}".encode()).hexdigest()[:16]
    reference: Mapping[str, str] = {
        "apiVersion": names.API_VERSION,
        "kind": kind,
        "name": name,
        "namespace": namespace,
        "uid": step.uid,
    }
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{name[:200]}.{digest}", "namespace": namespace},
        "involvedObject": reference,
        "reason": step.reason,
        "message": message,
        "type": step.type,
        "source": {"component": "headrace-operator"},
        "firstTimestamp": to_text(now),
        "lastTimestamp": to_text(now),
        "count": 1,
    }
