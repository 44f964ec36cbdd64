"""Names that only one resource of a kind may have, whoever asks for them at the same time."""

import secrets
from collections.abc import Callable, Iterator
from typing import Any

from headrace import names
from headrace.cluster import Manifest
from headrace.cluster.patches import merge_patch
from headrace.errors import ConflictError, HeadraceError
from headrace_api.auth.rights import PATCH
from headrace_api.collection import Collection

_NUMBERED, _AT_RANDOM = 10, 5
"""So many names are tried: with a number, so that two who ask at once meet; then any, when so many were renamed."""


class Naming:
    """Makes and renames the resources of one kind, whose `spec.name` is unique.

    `taken` makes the error for one that is not.
    """

    def __init__(self, kind: Collection, taken: Callable[[], HeadraceError]) -> None:
        self._kind = kind
        self._taken = taken

    async def create(self, name: str, manifest: Callable[[str], Manifest]) -> Manifest:
        """Makes a resource with this `spec.name`; `manifest` gets its `metadata.name`. Raises `taken`."""
        if await self._is_taken(name):
            raise self._taken()
        created = await self._create(name, manifest)
        if await self._is_taken(name, by_other_than=created):
            # A rename took the name between the check and the creation.
            await self._kind.take_back(created)
            raise self._taken()
        return created

    async def patch(self, before: Manifest, patch: dict[str, Any], *, verb: str = PATCH) -> Manifest:
        """Applies a patch that may have a new name in it. Raises `taken`; ConflictError when somebody else wrote."""
        name = patch.get("spec", {}).get("name")
        if name is not None and await self._is_taken(name, by_other_than=before):
            raise self._taken()
        written = await self._kind.patch(before, patch, unchanged=True, verb=verb)
        if name is not None and await self._is_taken(name, by_other_than=written):
            await self._restore(before, written, verb)
            raise self._taken()
        return written

    async def _create(self, name: str, manifest: Callable[[str], Manifest]) -> Manifest:
        for own in _own_names(names.resource_name(name)):
            try:
                return await self._kind.create(manifest(own))
            except ConflictError:
                holder = await self._kind.named(own)
                if holder is not None and holder["spec"]["name"] == name:
                    raise self._taken() from None
                # One that was renamed since holds it.
        raise ConflictError("This name is being taken by somebody else; try again")

    async def _restore(self, before: Manifest, written: Manifest, verb: str) -> None:
        """Takes a rename back, and the stamps that it left: somebody took the name between the check and the write."""
        old, new = (resource["metadata"].get("annotations") or {} for resource in (before, written))
        patch = {
            "spec": merge_patch(written["spec"], before["spec"]),
            "metadata": {"annotations": merge_patch(new, old)},
        }
        await self._kind.patch(written, patch, verb=verb)

    async def _is_taken(self, name: str, *, by_other_than: Manifest | None = None) -> bool:
        own = None if by_other_than is None else by_other_than["metadata"]["uid"]
        return any(other["metadata"]["uid"] != own for other in await self._kind.where("spec.name", name))


def _own_names(base: str) -> Iterator[str]:
    yield base
    yield from (f"{base}-{number}" for number in range(2, _NUMBERED))
    # Two who ask at once may both get one: each sees the other afterwards, and takes its own back.
    yield from (f"{base}-{secrets.token_hex(2)}" for _ in range(_AT_RANDOM))
