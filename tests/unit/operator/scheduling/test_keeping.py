"""Who owns a schedule or backfill."""

import pytest

from headrace import names
from headrace_operator.writes.keeping import with_owner

FILMS = {"metadata": {"name": "films", "uid": "uid-2"}}


def owner(name: str, *, kind: str = names.PIPELINE_KIND, uid: str = "uid-1", controller: bool = True):
    version = names.API_VERSION if kind.startswith("Etl") else "apps/v1"
    return {"apiVersion": version, "kind": kind, "name": name, "uid": uid, "controller": controller}


OTHER, PLAIN = owner("app", kind="Application"), owner("app", kind="Application", controller=False)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param([], [("films", True)], id="it had none"),
        pytest.param([owner("films")], None, id="an earlier pipeline of that name takes it along"),
        pytest.param([owner("actors")], [("films", True)], id="the schedule is another pipeline's now"),
        pytest.param([OTHER], [("app", True), ("films", False)], id="Kubernetes takes one controller only"),
        pytest.param([PLAIN], [("app", False), ("films", True)], id="who else owns it stays"),
    ],
)
def test_owners(before, after):
    """None: nothing is to be written."""
    found = with_owner({"metadata": {"ownerReferences": before}}, names.PIPELINE_KIND, FILMS)
    assert (None if found is None else [(o["name"], o["controller"]) for o in found]) == after
