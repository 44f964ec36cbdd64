"""Names that only one resource of a kind may have, whoever asks for them at the same time."""

import secrets
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from headrace import names
from headrace.cluster import Manifest
from headrace.cluster.patches import merge_patch
from headrace.errors import ConflictError, HeadraceError
from headrace_api.auth.rights import PATCH
from headrace_api.cleanups import carry_through
from headrace_api.collection import Collection

_NUMBERED, _AT_RANDOM = 10, 5
"""So many names are tried: with a number, so that two who ask at once meet; then any, when so many were renamed."""
_ATTEMPTS = 8
_LEFT = "all but the name was changed"


class Naming:
    """Makes and renames the resources of one kind, whose `spec.name` is unique.

    `taken` makes the error for one that is not. `lasting` are fields of the specification that are never put back: by
    then, what they referred to may be gone.
    """

    def __init__(
        self, kind: Collection, taken: Callable[[], HeadraceError], *, lasting: frozenset[str] = frozenset()
    ) -> None:
        self._kind = kind
        self._taken = taken
        self._lasting = lasting

    async def create(self, name: str, manifest: Callable[[str], Manifest]) -> Manifest:
        """Makes a resource with this `spec.name`; `manifest` gets its `metadata.name`. Raises `taken`."""
        if await self._is_taken(name):
            raise self._taken()
        created = await self._create(name, manifest)
        await self._make_sure(name, created, lambda: self._kind.take_back(created))
        return created

    async def patch(self, before: Manifest, patch: dict[str, Any], *, verb: str = PATCH) -> Manifest:
        """Applies a patch that may have a new name in it. Raises `taken`; ConflictError when somebody else wrote."""
        name = patch.get("spec", {}).get("name")
        if name is not None and await self._is_taken(name, by_other_than=before):
            raise self._taken()
        written = await self._kind.patch(before, patch, unchanged=True, verb=verb)
        if name is not None:
            await self._make_sure(name, written, lambda: self._restore(before, written, verb))
        return written

    async def _make_sure(
        self, name: str, written: Manifest, undo: Callable[[], Coroutine[Any, Any, str | None]]
    ) -> None:
        """Raises `taken` where somebody took the name between the check and the write, which is then undone.

        So it is where that can't be known, and where nobody waits for the answer any more: the same call may come
        again, and must not find its own leavings. What `undo` returns is what it left, in words.
        """
        try:
            is_taken = await self._is_taken(name, by_other_than=written)
        except BaseException as error:
            try:
                await carry_through(undo())
            except HeadraceError as another:
                error.add_note(f"it could not be taken back: {another.message}")
            raise
        if is_taken:
            refusal = self._taken()
            refusal.why = await carry_through(undo())
            raise refusal

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

    async def _restore(self, before: Manifest, written: Manifest, verb: str) -> str | None:
        """Takes a rename back, with all that was written along and the stamps that it left; None.

        The name alone, where others have written since or a field is lasting: their changes stay, and so does a
        password whose predecessor may be gone. Then it says so, where more than the name was written.
        """
        left = _LEFT if _unnamed(before) != _unnamed(written) else None
        now, is_lasting = written, any(before["spec"].get(name) != written["spec"].get(name) for name in self._lasting)
        for _ in range(_ATTEMPTS):
            leaves = is_lasting or _is_other(now, written)
            patch = _unnaming(before) if leaves else _undoing(before, now)
            try:
                await self._kind.patch(now, patch, unchanged=True, verb=verb)
            except ConflictError:
                now = await self._kind.find(written["metadata"]["uid"])
                if now["spec"]["name"] != written["spec"]["name"]:
                    return left
            else:
                return left if leaves else None
        raise ConflictError("It is being changed by somebody else; try again")

    async def _is_taken(self, name: str, *, by_other_than: Manifest | None = None) -> bool:
        own = None if by_other_than is None else by_other_than["metadata"]["uid"]
        return any(other["metadata"]["uid"] != own for other in await self._kind.where("spec.name", name))


def _own_names(base: str) -> Iterator[str]:
    yield base
    yield from (f"{base}-{number}" for number in range(2, _NUMBERED))
    # Two who ask at once may both get one: each sees the other afterwards, and takes its own back.
    yield from (f"{base}-{secrets.token_hex(2)}" for _ in range(_AT_RANDOM))


def _is_other(now: Manifest, written: Manifest) -> bool:
    """Whether somebody has written since; the operator's status does not count."""
    return now["spec"] != written["spec"] or _annotations(now) != _annotations(written)


def _undoing(before: Manifest, now: Manifest) -> dict[str, Any]:
    stamps = merge_patch(_annotations(now), _annotations(before))
    return {"spec": merge_patch(now["spec"], before["spec"]), "metadata": {"annotations": stamps}}


def _unnaming(before: Manifest) -> dict[str, Any]:
    return {"spec": {"name": before["spec"]["name"]}}


def _unnamed(resource: Manifest) -> dict[str, Any]:
    return {name: value for name, value in resource["spec"].items() if name != "name"}


def _annotations(resource: Manifest) -> dict[str, Any]:
    return resource["metadata"].get("annotations") or {}
