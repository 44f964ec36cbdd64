"""Roles of the cluster's Postgres, and sources and destinations that connect with them; no other test touches them."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from psycopg.conninfo import conninfo_to_dict
from tests.e2e.world import Body, World

CREDENTIALS = {"headrace.dev/credentials": "true"}
DATABASES = {"EtlSource": "source", "EtlDestination": "target"}


@dataclass(frozen=True)
class Login:
    """A role, and what it connects with."""

    name: str
    password: str = field(repr=False)


def named(manifest: Body) -> Body:
    """Its metadata without what only the server may say, such as the uid."""
    return {field: value for field, value in manifest["metadata"].items() if field in ("name", "labels")}


class Connections:
    """Makes them by kubectl, and removes them at the end: each would be measured for as long as the cluster lives."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._label = {"headrace.test/connections": uuid.uuid4().hex}
        self._granting = Lock()

    def role(self, clauses: str = "", *, reads: bool = True) -> Login:
        """A role that may connect to source and target, make tables in the target and, if it `reads`, all of both."""
        # Two grants on a database at once: "tuple concurrently updated".
        with self._granting:
            return self._role(clauses, reads=reads)

    def _role(self, clauses: str, *, reads: bool) -> Login:
        login = Login(f"role_{uuid.uuid4().hex[:10]}", f"password-{uuid.uuid4().hex}")
        world, name = self.world, login.name
        world.source(f"CREATE ROLE {name} LOGIN PASSWORD '{login.password}' {clauses}")
        world.source(f"GRANT CONNECT ON DATABASE source TO {name}")
        if reads:
            world.source(f"GRANT pg_read_all_data TO {name}; GRANT target_writer TO {name}")
            # What one makes there belongs to all: the table of checkpoints, for one.
            world.source(f"ALTER ROLE {name} IN DATABASE target SET role TO target_writer")
        world.target(f"GRANT CONNECT ON DATABASE target TO {name}")
        return login

    def secret(self, data: dict[str, str], *, labels: dict[str, str] | None = None) -> str:
        """A Secret that sources and destinations may use, unless it has other `labels`; returns its name."""
        name = f"secret-{uuid.uuid4().hex[:10]}"
        self.put_secret(name, data, labels=labels)
        return name

    def put_secret(self, name: str, data: dict[str, str], *, labels: dict[str, str] | None = None) -> None:
        """Makes or replaces a Secret."""
        metadata = {"name": name, "labels": CREDENTIALS if labels is None else labels}
        self.world.kubectl.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data})

    @property
    def address(self) -> Body:
        """Host and port of the cluster's Postgres."""
        found = conninfo_to_dict(self.world.source_dsn)
        return {"host": str(found["host"]), "port": int(str(found["port"]))}

    def manifest(self, kind: str, login: Login | None = None, **spec: Any) -> Body:
        """An EtlSource or EtlDestination of the cluster's Postgres; a field that is None is left out."""
        name = f"{kind.removeprefix('Etl').lower()}-{uuid.uuid4().hex[:10]}"
        own: Body = {"name": name, "type": "postgres", **self.address, "database": DATABASES[kind]}
        if login is not None:
            own["username"] = login.name
            if "passwordSecret" not in spec:
                own["passwordSecret"] = {"name": self.secret({"password": login.password}), "key": "password"}
        kept = {field: value for field, value in (own | spec).items() if value is not None}
        metadata = {"name": name, "labels": self._label}
        return {"apiVersion": "headrace.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": kept}

    def apply(self, *manifests: Body) -> None:
        """Applies sources and destinations, also as the server once gave them; they are gone at the end."""
        self.world.kubectl.apply(*(manifest | {"metadata": named(manifest)} for manifest in manifests))

    def source(self, login: Login, **spec: Any) -> Body:
        """An EtlSource that is ready."""
        return self.ready("EtlSource", login, **spec)

    def destination(self, login: Login, **spec: Any) -> Body:
        """An EtlDestination that is ready."""
        return self.ready("EtlDestination", login, **spec)

    def ready(self, kind: str, login: Login, **spec: Any) -> Body:
        """One of either kind that is ready."""
        manifest = self.manifest(kind, login, **spec)
        self.apply(manifest)
        return self.wait(manifest, "Ready", lambda found: found["status"] == "True")

    def wait(self, manifest: Body, type_: str, is_so: Callable[[Body], Any], *, seconds: float = 60) -> Body:
        """Waits until something is so of a condition of a source, destination or pipeline; returns the resource."""
        kind, name = manifest["kind"], manifest["metadata"]["name"]

        def is_it(found: Body) -> bool:
            seen = condition(found, type_)
            return bool(seen and is_so(seen))

        return self.world.wait_for_resource(kind, name, is_it, seconds=seconds)

    def uid(self, manifest: Body) -> str:
        """The id that the API knows it by."""
        return str(self.world.kubectl.get(manifest["kind"], manifest["metadata"]["name"])["metadata"]["uid"])

    def delete(self, manifest: Body) -> None:
        """Deletes a source or destination, and waits until it is gone."""
        self.world.kubectl.run("delete", manifest["kind"], manifest["metadata"]["name"])

    def close(self) -> None:
        """Removes the sources and destinations that were made, all at once: one by one it takes a second for three."""
        ((label, value),) = self._label.items()
        for plural in ("etlsources", "etldestinations"):
            path = f"/apis/headrace.dev/v1alpha1/namespaces/{self.world.status.namespace}/{plural}"
            self.world.kubectl.run("delete", "--raw", f"{path}?labelSelector={label}%3D{value}")


def condition(resource: Body, type_: str) -> Body:
    """A condition of a resource; empty while it has none of the type."""
    conditions = resource.get("status", {}).get("conditions", [])
    return next((one for one in conditions if one["type"] == type_), {})


def secrets_of(world: World, uid: str) -> list[str]:
    """The names of the Secrets that belong to a resource."""
    return [
        each["metadata"]["name"]
        for each in world.kubectl.list("secrets")
        if uid in {owner["uid"] for owner in each["metadata"].get("ownerReferences", [])}
    ]
