"""Kubernetes as far as the Secrets of runs ask it: a source, a destination, their Secrets, and those of runs."""

import base64
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict

from headrace import names
from headrace.cluster.verbs import Listing
from headrace.errors import ConflictError, NotFoundError, UnavailableError
from headrace_operator.credentials.ends import Ends
from headrace_operator.credentials.secrets import RunSecrets

RUN_SECRET = names.run_secret_name("r-1")


class Server:
    """What there is, as Kubernetes has it."""

    def __init__(self) -> None:
        self.away = False
        self.patches = 0
        self.jobs: list[str] = []
        self.secrets: dict[str, dict[str, Any]] = {}
        self.resources: dict[tuple[str, str], dict[str, Any]] = {}
        self.secret("headrace-dsn", source="postgresql://reader:old@db.example/films", store="postgresql://store")
        self.secret("dwh", labels={names.CREDENTIALS_LABEL: "true"}, password="dwh-old")
        self.end(names.SOURCE_PLURAL, "default", connectionSecret={"name": "headrace-dsn", "key": "source"})
        self.end(
            names.DESTINATION_PLURAL,
            "dwh",
            host="dwh.example",
            database="dwh",
            username="writer",
            passwordSecret={"name": "dwh"},
        )

    def secret(self, name: str, *, labels: dict[str, str] | None = None, **data: str) -> None:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        self.secrets[name] = {"metadata": {"name": name, "labels": labels or {}}, "data": encoded}

    def end(self, plural: str, name: str, **spec: Any) -> None:
        self.resources[plural, name] = {"metadata": {"name": name, "uid": name}, "spec": {"name": name, **spec}}

    async def get(self, plural: str, name: str) -> dict[str, Any] | None:
        if self.away:
            raise UnavailableError("away", part="kubernetes")
        return self.resources.get((plural, name))

    async def get_secret(self, name: str) -> dict[str, Any] | None:
        if self.away:
            raise UnavailableError("away", part="kubernetes")
        return self.secrets.get(name)

    async def get_secret_metadata(self, name: str) -> dict[str, Any] | None:
        found = self.secrets.get(name)
        return {"metadata": found["metadata"]} if found else None

    async def create_secret(self, body: dict[str, Any]) -> dict[str, Any]:
        if body["metadata"]["name"] in self.secrets:
            raise ConflictError("there")
        self.secrets[body["metadata"]["name"]] = body
        return body

    async def patch_secret(self, name: str, patch: dict[str, Any]) -> dict[str, Any]:
        self.patches += 1
        self.secrets[name]["data"] |= patch["data"]
        return self.secrets[name]

    async def delete_secret(self, name: str) -> None:
        if self.secrets.pop(name, None) is None:
            raise NotFoundError("gone")

    async def create_job(self, body: dict[str, Any]) -> dict[str, Any]:
        assert RUN_SECRET in self.secrets, "a Job whose pods would wait for their Secret"
        self.jobs.append(f"create {body['metadata']['name']}")
        return body

    async def patch_job(self, name: str, patch: dict[str, Any]) -> dict[str, Any]:
        self.jobs.append(f"patch {name}")
        return patch

    async def list_pods(self, *, label_selector: str) -> Listing:
        return Listing([{"metadata": {"name": label_selector}, "status": {"phase": "Pending"}}], "1")

    def reads(self, key: str) -> dict[str, Any]:
        """What the run's pod finds."""
        return conninfo_to_dict(base64.b64decode(self.secrets[RUN_SECRET]["data"][key]).decode())


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def ends(server: Server) -> Ends:
    return Ends(server, installation="headrace-dsn")  # type: ignore[arg-type]


@pytest.fixture
def secrets(server: Server, ends: Ends) -> RunSecrets:
    return RunSecrets(server, ends)  # type: ignore[arg-type]
