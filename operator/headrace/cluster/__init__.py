"""The only Kubernetes client: manifests in and out, every call bounded in time, errors of our own."""

from headrace.cluster.calls import Call
from headrace.cluster.client import Cluster
from headrace.cluster.verbs import Listing
from headrace.manifests import Manifest

__all__ = ["Call", "Cluster", "Listing", "Manifest"]
