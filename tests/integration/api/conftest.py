"""A Kubernetes that can't be reached."""

import json
from pathlib import Path

import pytest

NOBODY = "127.0.0.1:1"


@pytest.fixture
def kubeconfig(tmp_path) -> str:
    """Names an API server that is not there."""
    return write_kubeconfig(tmp_path / "kubeconfig")


def write_kubeconfig(path: Path) -> str:
    """The same, where it is told to be."""
    cluster = {"name": "c", "cluster": {"server": f"http://{NOBODY}"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    content = {"clusters": [cluster], "contexts": [context], "users": [{"name": "u", "user": {}}]}
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "c", **content}))
    return str(path)
