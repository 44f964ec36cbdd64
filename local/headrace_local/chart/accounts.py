"""Service accounts to call the API with, where callers have to say who they are."""

from headrace_local.kubectl import Kubectl, KubectlError

HOURS = "4h"
"""What API servers give at most by default is a day, at least ten minutes."""


def token(kubectl: Kubectl, account: str, *, role: str | None = None, audience: str = "") -> str:
    """A token of a service account of the namespace, which is made if need be and given the rights of a ClusterRole."""
    _make(kubectl, "serviceaccount", account)
    if role is not None:
        who = f"--serviceaccount={kubectl.namespace}:{account}"
        _make(kubectl, "rolebinding", f"{account}-{role}", f"--clusterrole={role}", who)
    meant_for = [f"--audience={audience}"] if audience else []
    return kubectl.quietly().run("create", "token", account, f"--duration={HOURS}", *meant_for)


def _make(kubectl: Kubectl, *arguments: str) -> None:
    try:
        kubectl.run("create", *arguments)
    except KubectlError as error:
        if "already exists" not in str(error):
            raise
