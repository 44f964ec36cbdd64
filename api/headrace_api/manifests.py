"""The manifests of what the API makes."""

from typing import Any

from headrace import names
from headrace.cluster import Manifest
from headrace.manifests import labels
from headrace_api import times


def new_manifest(kind: str, name: str, spec: dict[str, Any], installation: str) -> Manifest:
    """A resource of ours, made now."""
    moment = times.now()
    return {
        "apiVersion": names.API_VERSION,
        "kind": kind,
        "metadata": {
            "name": name,
            "labels": labels(installation),
            "annotations": {names.CREATED_AT_ANNOTATION: moment, names.UPDATED_AT_ANNOTATION: moment},
        },
        "spec": spec,
    }
