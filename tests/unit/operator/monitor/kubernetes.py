"""The API server in memory, with Secrets, which tells an index of each change as a watch would."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from tests.unit.operator.scheduling.server import Manifest, Server

from headrace import names
from headrace_operator.index import Index


class Kubernetes(Server):
    """Sources, destinations and their Secrets."""

    def __init__(self) -> None:
        super().__init__()
        self.index = Index()
        self.secrets: dict[str, Manifest] = {}

    def put(self, plural: str, called: str, /, *, created: str = "2026-01-01T00:00:00Z", **spec: Any) -> Manifest:
        """As of any other kind, with a uid that the store takes."""
        uid = str(uuid5(NAMESPACE_URL, f"{plural}/{called}"))
        metadata = {"name": called, "uid": uid, "creationTimestamp": created, "generation": 1}
        return self._keep(plural, {"metadata": metadata, "spec": spec, "status": {}})

    async def get_secret(self, name: str) -> Manifest | None:
        self._note("get", "secrets")
        return self.secrets.get(name)

    def put_secret(self, name: str, data: Mapping[str, str], *, allowed: bool = True) -> None:
        """Makes or changes a Secret."""
        version = int(self.secrets[name]["metadata"]["resourceVersion"]) + 1 if name in self.secrets else 1
        labels = {names.CREDENTIALS_LABEL: "true"} if allowed else {}
        encoded = {key: b64encode(value.encode()).decode() for key, value in data.items()}
        metadata = {"name": name, "resourceVersion": str(version), "labels": labels}
        self.secrets[name] = {"metadata": metadata, "data": encoded}

    def remove(self, plural: str, name: str) -> None:
        """Deletes a resource."""
        resource = self.there.pop((plural, name))
        self.index.remove(plural, resource["metadata"]["uid"])

    def change_spec(self, plural: str, name: str, **spec: object) -> None:
        """Changes a specification, as somebody else."""
        found = self.there[plural, name]
        metadata = {**found["metadata"], "generation": found["metadata"]["generation"] + 1}
        self._keep(plural, {**found, "metadata": metadata, "spec": {**found["spec"], **spec}})

    def _keep(self, plural: str, resource: Manifest) -> Manifest:
        kept = super()._keep(plural, resource)
        self.index.put(plural, kept)
        return kept
