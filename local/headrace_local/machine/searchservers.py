"""Which Elasticsearch a cluster gets: one of its own, or the one that the environment names."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from headrace_local.elasticsearch import home as elasticsearch_home
from headrace_local.elasticsearch.node import Node
from headrace_local.machine.cluster import Elasticsearch
from headrace_local.ports import free_ports
from headrace_local.programs import Say

_PREFIX = "HEADRACE_ELASTICSEARCH_"
# As runners know them, and the Secret that the operator hands to them.
_CREDENTIALS = ("API_KEY", "USERNAME", "PASSWORD", "CA", "VERIFY")


def choose(folder: Path, heap: str, say: Say, environ: Mapping[str, str] = os.environ) -> Elasticsearch:
    """Its programs are made now if they have to be; raises LocalError with what is missing."""
    if url := environ.get(f"{_PREFIX}URL"):
        given = {name: environ.get(f"{_PREFIX}{name}") for name in _CREDENTIALS}
        return Elasticsearch(url, None, {_key(name): value for name, value in given.items() if value})
    port, transport_port = free_ports(2)
    node = Node(elasticsearch_home.home(say, environ), folder / "elasticsearch", port, transport_port, heap)
    return Elasticsearch(node.url, node)


def can_choose(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a cluster can have one: for what goes without it where it can't."""
    return bool(environ.get(f"{_PREFIX}URL")) or elasticsearch_home.is_made(environ) or bool(shutil.which("mvn"))


def _key(name: str) -> str:
    return name.lower().replace("_", "-")
