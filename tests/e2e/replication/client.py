"""Calls of the replication family's sources and destinations."""

import base64
import uuid
from dataclasses import dataclass
from typing import Any

from tests.e2e.world import Body, World

from headrace_local.waiting import wait_for


@dataclass(frozen=True)
class Kind:
    """What is different between sources and destinations."""

    path: str
    noun: str
    kind: str
    field: str
    """Of a pipeline that names one."""
    database: str

    def __str__(self) -> str:
        return self.path.removeprefix("/")


SOURCES = Kind("/sources", "Source", "EtlSource", "source", "source")
DESTINATIONS = Kind("/destinations", "Destination", "EtlDestination", "destination", "target")


class Replication:
    """One API process, as clients of the replication family see it; what is made here is gone at the end."""

    def __init__(self, world: World, address: Body) -> None:
        self.world = world
        self._address = address
        self._made: list[str] = []

    def body(self, of: Kind, **fields: Any) -> Body:
        """A body for POST that leads to the cluster's own Postgres; what is None is left out."""
        name = f"{of.noun} {uuid.uuid4().hex[:10]}"
        body = {"name": name, "type": "postgres", **self._address, "database": of.database, **fields}
        return {name: value for name, value in body.items() if value is not None}

    def request(self, method: str, of: Kind, one: Body | str | None = None, body: Any = None, **options: Any) -> Any:
        """One call, whatever its answer."""
        uid = one["id"] if isinstance(one, dict) else one
        answer = self.world.api.request(method, of.path + (f"/{uid}" if uid is not None else ""), body, **options)
        if method == "POST" and answer.status_code == 201:
            self._made.append(f"{of.path}/{answer.json()['id']}")
        return answer

    def call(self, method: str, of: Kind, one: Body | str | None = None, body: Any = None, **options: Any) -> Any:
        """One call that must succeed."""
        answer = self.request(method, of, one, body, **options)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def make(self, of: Kind, **fields: Any) -> Body:
        """A source or destination of its own."""
        return dict(self.call("POST", of, body=self.body(of, **fields)))

    def resource(self, of: Kind, one: Body) -> Body:
        """The resource that it is."""
        found = [r for r in self.world.kubectl.list(of.kind) if r["metadata"]["uid"] == one["id"]]
        assert len(found) == 1, one
        return found[0]

    def secrets(self, one: Body) -> dict[str, Body]:
        """The Secrets that it owns, by name."""
        return {
            secret["metadata"]["name"]: secret
            for secret in self.world.kubectl.list("secrets")
            if one["id"] in {owner["uid"] for owner in secret["metadata"].get("ownerReferences", ())}
        }

    def password(self, of: Kind, one: Body) -> str | None:
        """The password that it refers to, in the only Secret that it owns; None when it has neither."""
        reference, secrets = self.resource(of, one)["spec"].get("passwordSecret"), self.secrets(one)
        assert list(secrets) == ([reference["name"]] if reference else [])
        if reference is None:
            return None
        secret = secrets[reference["name"]]
        assert secret["metadata"]["labels"]["headrace.dev/credentials"] == "true"
        return base64.b64decode(secret["data"][reference["key"]]).decode()

    def wait(self, of: Kind, one: Body, *, ready: bool, seconds: float = 60) -> Body:
        """Waits until the operator says that it is ready, or that it is not, as it is now."""
        seen: list[Body] = [{}]

        def look() -> Body | None:
            seen[0] = self.call("GET", of, one)
            return seen[0] if seen[0]["ready"] is ready else None

        return wait_for(f"{of.noun} {one['name']}", look, seconds=seconds, seen=lambda: seen[0])

    def close(self) -> None:
        """Removes what was made and is not in use."""
        for path in self._made:
            self.world.api.request("DELETE", path)
