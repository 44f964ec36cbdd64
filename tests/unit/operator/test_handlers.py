"""How kopf is told where the Kubernetes API is."""

import kopf
import pytest

from headrace_operator.handlers import by_address

INSIDE = kopf.ConnectionInfo(server="https://kubernetes.default.svc", token="t")


@pytest.mark.parametrize(
    ("host", "server"),
    [
        ("10.96.0.1", "https://10.96.0.1:443"),
        ("fd00::1", "https://[fd00::1]:443"),
        ("api.example", "https://api.example:443"),
    ],
)
def test_watches_go_to_the_address_that_everything_else_goes_to(host, server):
    """A name would need the cluster's DNS, which may be away when the API server is not."""
    found = by_address(INSIDE, {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": "443"})
    assert found is not None
    assert (found.server, found.token) == (server, "t")


def test_outside_of_a_cluster_nothing_is_changed():
    assert by_address(None, {}) is None
    assert by_address(INSIDE, {}) == INSIDE
