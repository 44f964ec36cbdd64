"""What becomes of a password's Secret when the write that was to refer to it fails, or nobody waits for it any more."""

from collections.abc import Collection as Several
from collections.abc import Mapping
from contextlib import suppress

from headrace.cluster import Manifest
from headrace.errors import ConflictError, HeadraceError, NotFoundError
from headrace_api.cleanups import carry_through
from headrace_api.collection import Collection
from headrace_api.services.connection_kinds import ConnectionKind
from headrace_api.services.passwords import Password, Passwords
from headrace_api.translate.passwords import listing, own_secrets, referred

_ATTEMPTS = 8


class SecretLists:
    """Each resource has a list of the Secrets that were made for it: what is on it, and not used, goes."""

    def __init__(self, of: ConnectionKind, collection: Collection, passwords: Passwords) -> None:
        self._of = of
        self._collection = collection
        self._passwords = passwords

    async def begin(self, created: Manifest, password: Password) -> Manifest:
        """The resource that was just made, with its first password; it is taken back where that can't be put away."""
        made: dict[str, str] = {}
        try:
            made = await self._passwords.put(self._of.kind, created, password)
            return await self.add(created, made)
        except BaseException as error:
            # Also where this request was cancelled: a second POST must not find its name taken.
            await carry_through(self._take_back(created, made, error))
            raise

    async def add(self, resource: Manifest, made: Mapping[str, str]) -> Manifest:
        """The resource, with these on its list too."""
        for _ in range(_ATTEMPTS):
            own = {**own_secrets(self._of.noun, resource), **made}
            try:
                written = await self._collection.annotate(resource, listing(own))
            except ConflictError:
                resource = await self._collection.find(resource["metadata"]["uid"])
                continue
            await self._passwords.tidy(self._of.noun, written)
            return written
        raise ConflictError(changed_meanwhile(self._of.noun))

    async def settle(self, uid: str, made: Mapping[str, str]) -> None:
        """After a write that may have taken place, or still may: lists the new Secret, so that it goes when unused.

        This write makes the other one too old. While Kubernetes is away, the Secret is left to go with its owner.
        """
        with suppress(HeadraceError):
            await self.add(await self._collection.find(uid), made)

    async def drop(self, uid: str, made: Mapping[str, str]) -> None:
        """After a write that was refused: removes the new Secret, unless the resource refers to it all the same.

        So it does after a rename of which the name alone was taken back.
        """
        try:
            used = referred(await self._collection.find(uid))
        except NotFoundError:
            used = None
        except HeadraceError:
            return
        await self._passwords.remove({name: secret_uid for name, secret_uid in made.items() if name != used})

    async def withdraw(self, name: str, secrets: Several[str]) -> None:
        """After a creation that may have taken place without an answer: takes back what waits for one of these Secrets.

        Nobody was told of it, and its password is lost. What arrives later still is seen by its condition.
        """
        with suppress(HeadraceError):
            for resource in await self._collection.where("spec.name", name):
                if referred(resource) in secrets:
                    await self._collection.take_back(resource)

    async def _take_back(self, created: Manifest, made: Mapping[str, str], error: BaseException) -> None:
        try:
            await self._collection.take_back(created)
        except HeadraceError as another:
            error.add_note(f"it could not be taken back: {another.message}")
        else:
            await self._passwords.remove(made)


def changed_meanwhile(noun: str) -> str:
    """What a caller is told whose write came too late again and again."""
    return f"{noun.capitalize()} is being changed by somebody else; try again"
