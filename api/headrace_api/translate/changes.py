"""When a resource of which the operator notes no changes last changed."""

from datetime import datetime, timedelta

from headrace import names
from headrace.cluster import Manifest
from headrace.lifecycle.readings import changed_at, created_at
from headrace_api import times

_SECOND = timedelta(seconds=1)


def updated_at(resource: Manifest) -> datetime:
    """When its specification last changed: as the API noted it, or as Kubernetes did of whoever wrote to it later."""
    annotations = resource["metadata"].get("annotations") or {}
    noted = max(times.parse(annotations.get(names.UPDATED_AT_ANNOTATION)) or times.EPOCH, created_at(resource))
    written = changed_at(resource)
    # Kubernetes has whole seconds, and its own clock: the same write may be a moment later there.
    return written if written > noted + _SECOND else noted
