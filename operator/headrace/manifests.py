"""What the manifests of all resources have in common: labels, owners, and how a Secret holds texts."""

import base64
from collections.abc import Mapping
from typing import Any

from headrace import names

Manifest = dict[str, Any]
"""A resource as Kubernetes has it in JSON."""


def labels(installation: str, pipeline_uid: str | None = None) -> dict[str, str]:
    """What everything of an installation is found by, or everything of one of its pipelines."""
    own = {names.MANAGED_BY_LABEL: names.MANAGED_BY, names.INSTALLATION_LABEL: installation}
    return own if pipeline_uid is None else {**own, names.PIPELINE_LABEL: pipeline_uid}


def selector(installation: str) -> str:
    """The label selector of all that is an installation's."""
    return ",".join(f"{name}={value}" for name, value in labels(installation).items())


def owner(kind: str, name: str, uid: str, *, controller: bool = True) -> Manifest:
    """The reference by which Kubernetes removes what belongs to something that was deleted."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": kind,
        "name": name,
        "uid": uid,
        "controller": controller,
        "blockOwnerDeletion": False,
    }


def secret_data(texts: Mapping[str, str]) -> dict[str, str]:
    """The `data` of a Secret."""
    return {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
