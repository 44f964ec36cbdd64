"""Secrets: credentials that sources and destinations refer to, and those that a run's pods are given."""

from collections.abc import Mapping
from typing import Any

from headrace.cluster.verbs import Verbs
from headrace.manifests import Manifest

METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
"""Asks for an answer without the data."""


class Secrets(Verbs):
    """The Secrets of a namespace. What is in one comes by `get_secret` alone, never as the answer to a change."""

    async def get_secret(self, name: str) -> Manifest | None:
        """One Secret, live; None when there is none."""
        return await self._get(f"{self._secrets}/{name}")

    async def get_secret_metadata(self, name: str) -> Manifest | None:
        """Its metadata alone: the API server does not send what is in it. None when there is none."""
        return await self._get(f"{self._secrets}/{name}", accept=METADATA)

    async def create_secret(self, body: Mapping[str, Any]) -> Manifest:
        """Creates a Secret and returns its metadata; ConflictError when the name is taken."""
        return await self._transport.request("POST", self._secrets, body=body, accept=METADATA)

    async def patch_secret(
        self, name: str, patch: Mapping[str, Any], *, resource_version: str | None = None
    ) -> Manifest:
        """Applies a JSON merge patch and returns the metadata; NotFoundError, or ConflictError when it has moved on."""
        return await self._patch(f"{self._secrets}/{name}", patch, resource_version, accept=METADATA)

    async def delete_secret(self, name: str, *, uid: str | None = None) -> None:
        """Deletes a Secret. NotFoundError, ConflictError for another uid."""
        await self._delete(f"{self._secrets}/{name}", uid, None)

    @property
    def _secrets(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/secrets"
