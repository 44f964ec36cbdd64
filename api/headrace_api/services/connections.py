"""Making, changing and deleting sources and destinations, and the passwords that go with them."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from headrace import names
from headrace.cluster import Manifest
from headrace.cluster.patches import merge_patch
from headrace.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError, UnavailableError
from headrace.model.connection import ConnectionSpec, ConnectionType, SecretKey
from headrace_api import times
from headrace_api.auth.rights import LIST, PIPELINES, UPDATE, Right
from headrace_api.bodies.connection import PasswordChange
from headrace_api.cleanups import carry_through
from headrace_api.collection import Collection
from headrace_api.manifests import new_manifest
from headrace_api.naming import Naming
from headrace_api.resources import Resources
from headrace_api.services.connection_kinds import ConnectionKind
from headrace_api.services.passwords import Password, Passwords
from headrace_api.services.secret_lists import SecretLists, changed_meanwhile
from headrace_api.translate.connections import check_sent_back, keeping, says, unpinned
from headrace_api.translate.passwords import is_own, listing, new_reference, own_secrets, reference_of

_ATTEMPTS = 8
_NAMED = 3
"""So many pipelines are named to whoever may not delete what they use."""
_REFERENCES = frozenset({"passwordSecret", "connectionSecret"})


class Connections:
    """Reads and writes those of one kind, which `collection` holds."""

    def __init__(
        self,
        of: ConnectionKind,
        collection: Collection,
        resources: Resources,
        passwords: Passwords,
        *,
        installation: str,
    ) -> None:
        self._of = of
        self._collection = collection
        self._resources = resources
        self._passwords = passwords
        self._lists = SecretLists(of, collection, passwords)
        self._naming = Naming(collection, lambda: NameTakenError(_taken(of.noun), field="name"), lasting=_REFERENCES)
        self._installation = installation

    async def all(self) -> list[dict[str, Any]]:
        """All of them as callers see them, from the mirrors."""
        resources, users = await self._collection.all(), Counter(map(self._of.used_by, await self._pipelines()))
        return [self._of.shown(resource, users[resource["metadata"]["name"]]) for resource in resources]

    async def find(self, uid: str) -> dict[str, Any]:
        """One of them as callers see it, live; NotFoundError."""
        return await self._shown(await self._collection.find(uid))

    async def create(self, fields: Mapping[str, Any], change: PasswordChange) -> dict[str, Any]:
        """Makes one, then the Secret with its password; ConflictError when its name is taken.

        If the API dies between the two, its condition says that the Secret is missing; `replace` makes it anew.
        One of which it died before it was listed goes with its owner.
        """
        spec = self._of.spec_of(fields)
        if change.value is None:
            body = _referring(spec, change.reference).manifest()
            return await self._shown(await self._naming.create(spec.name, lambda name: self._new(name, body)))
        return await self._shown(await self._create_with(change.value, spec))

    async def replace(self, uid: str, fields: Mapping[str, Any], change: PasswordChange) -> dict[str, Any]:
        """Replaces the configuration; ConflictError when its new name is taken, or pipelines need its type.

        A new password's Secret is made first, and then one write has the resource refer to it.
        """
        before = await self._collection.find(uid)
        name = before["metadata"]["name"]
        await self._resources.require(Right(UPDATE, self._collection.plural, name))
        self._changed(before, fields, change)  # The shape comes first.
        await self._check_type(before, fields)
        if change.value is None:
            return await self._shown(await self._write(uid, fields, change))
        password = Password(change.value, new_reference(self._of.noun, name))
        made = await self._passwords.put(self._of.kind, before, password)
        try:
            written = await self._write(uid, fields, replace(change, value=None, reference=password.reference), made)
        except (InvalidError, NotFoundError, ConflictError):
            await carry_through(self._lists.drop(uid, made))
            raise
        except BaseException:
            # Also where this request was cancelled, in the midst of a write.
            await carry_through(self._lists.settle(uid, made))
            raise
        return await self._shown(written)

    async def delete(self, uid: str) -> None:
        """Deletes, with its password; ConflictError while a pipeline uses it.

        A pipeline that is made at the same moment may be left without: its condition says so, and its runs wait.
        """
        for _ in range(_ATTEMPTS):
            found = await self._collection.find(uid)
            users = await self._users(found["metadata"]["name"])
            if users:
                raise ConflictError(await self._in_use(f"delete {self._of.noun}", users))
            try:
                await self._collection.delete(found)
            except ConflictError:
                continue  # The operator wrote its status.
            # At once: Kubernetes removes what it owned only after a while.
            await self._passwords.remove(own_secrets(self._of.noun, found))
            return
        raise ConflictError(changed_meanwhile(self._of.noun))

    async def _create_with(self, value: str, spec: ConnectionSpec) -> Manifest:
        """Makes one with a password; whatever happens in between, none is left that waits for its own in vain."""
        references: list[str] = []

        def manifest(name: str) -> Manifest:
            reference = new_reference(self._of.noun, name)
            references.append(reference.name)
            return self._new(name, _referring(spec, reference).manifest())

        try:
            created = await self._naming.create(spec.name, manifest)
        except (UnavailableError, asyncio.CancelledError):
            await carry_through(self._lists.withdraw(spec.name, references))
            raise
        reference = reference_of(created)
        return created if reference is None else await self._lists.begin(created, Password(value, reference))

    async def _check_type(self, before: Manifest, fields: Mapping[str, Any]) -> None:
        """Raises ConflictError where none of the pipelines that use it would fit another type."""
        if fields["type"] == before["spec"].get("type", ConnectionType.POSTGRES):
            return
        users = await self._users(before["metadata"]["name"])
        if users:
            raise ConflictError(await self._in_use(f"change the type of {self._of.noun}", users), field="type")

    async def _in_use(self, what: str, pipelines: list[Manifest]) -> str:
        """Why not; the pipelines are named to whoever may list them."""
        try:
            await self._resources.require(Right(LIST, PIPELINES))
        except ForbiddenError:
            those = "1 pipeline uses" if len(pipelines) == 1 else f"{len(pipelines)} pipelines use"
            return f"Cannot {what} while {those} it"
        return f"Cannot {what} while pipelines use it: {_called(pipelines)}"

    def _new(self, name: str, spec: dict[str, Any]) -> Manifest:
        return new_manifest(self._of.kind, name, spec, self._installation)

    async def _write(
        self, uid: str, fields: Mapping[str, Any], change: PasswordChange, made: Mapping[str, str] | None = None
    ) -> Manifest:
        """One write with the new specification and the list of Secrets, to which those that were `made` come."""
        for _ in range(_ATTEMPTS):
            before = await self._collection.find(uid)
            spec = self._changed(before, fields, change)
            patch = {} if says(before, spec) else merge_patch(before["spec"], spec.manifest())
            annotations = await self._annotations(before, patch, made or {})
            if not patch and not annotations:
                return before
            try:
                body = {"spec": patch, "metadata": {"annotations": annotations}}
                written = await self._naming.patch(before, body, verb=UPDATE)
            except NameTakenError as error:
                # Callers read the message first: what was changed all the same belongs into it.
                raise NameTakenError(error.in_full, field=error.field) from None
            except ConflictError:
                continue  # Somebody else wrote.
            # What went is taken off the list by the next change, so that nothing is forgotten if this was the end.
            await self._passwords.tidy(self._of.noun, written)
            return written
        raise ConflictError(changed_meanwhile(self._of.noun))

    def _changed(self, before: Manifest, fields: Mapping[str, Any], change: PasswordChange) -> ConnectionSpec:
        """The specification as it is to be; InvalidError, or RequestValidationError for a field."""
        check_sent_back(before, change.connection)
        if not change.keeps:
            return unpinned(before, _referring(self._of.spec_of(fields), change.reference))
        kept = keeping(before, fields, self._of.spec_of)
        if change.only_own and kept.password_secret is not None and not is_own(self._of.noun, before):
            return _referring(kept, None)
        return unpinned(before, kept)

    async def _annotations(self, before: Manifest, patch: Mapping[str, Any], made: Mapping[str, str]) -> dict[str, Any]:
        """Those that a write changes; before it goes what an earlier one has left."""
        own = {**await self._passwords.tidy(self._of.noun, before), **made}
        is_listed = own == own_secrets(self._of.noun, before)
        return {**(_stamps(patch) if patch else {}), **({} if is_listed else listing(own))}

    async def _shown(self, resource: Manifest) -> dict[str, Any]:
        name = resource["metadata"]["name"]
        return self._of.shown(resource, sum(self._of.used_by(one) == name for one in await self._pipelines()))

    async def _pipelines(self) -> list[Manifest]:
        return await self._resources.pipelines.all()

    async def _users(self, name: str) -> list[Manifest]:
        """The pipelines that use it, live."""
        found = await self._resources.pipelines.where(f"spec.{self._of.noun}", name)
        if name in self._of.defaults:
            found += await self._resources.pipelines.where(f"spec.{self._of.noun}", "")
        return [pipeline for pipeline in found if self._of.used_by(pipeline) == name]


class NameTakenError(ConflictError):
    """Another one of the kind has the name."""


def _referring(spec: ConnectionSpec, reference: SecretKey | None) -> ConnectionSpec:
    return spec.model_copy(update={"password_secret": reference})


def _stamps(patch: Mapping[str, Any]) -> dict[str, str]:
    moment = times.now()
    stamps = {names.UPDATED_AT_ANNOTATION: moment}
    if "passwordSecret" in patch:
        stamps[names.CREDENTIALS_CHANGED_ANNOTATION] = moment
    return stamps


def _taken(noun: str) -> str:
    return f"{noun.capitalize()} with this name already exists"


def _called(pipelines: list[Manifest]) -> str:
    called = sorted(str(pipeline["spec"]["name"]) for pipeline in pipelines)
    shown = ", ".join(f"'{name}'" for name in called[:_NAMED])
    return f"{shown} and {len(called) - _NAMED} more" if len(called) > _NAMED else shown
