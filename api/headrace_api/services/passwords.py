"""Passwords that come by a request: each is put into a Secret of its own, and none is ever read."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from headrace.cluster import Cluster, Manifest
from headrace.errors import ConflictError, InvalidError, NotFoundError, UnavailableError
from headrace.logs import logger
from headrace.model.connection import SecretKey
from headrace_api.auth.access import Access
from headrace_api.auth.rights import CREATE, DELETE
from headrace_api.cleanups import carry_through
from headrace_api.translate.passwords import new_secret, own_secrets, referred

_SECRETS = "secrets"
_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Password:
    """One that is to be put away, and where."""

    value: str = field(repr=False)
    reference: SecretKey


class Passwords:
    """Makes and removes Secrets, with the API's own right to do so: whoever may write the resource was asked before.

    It can read none, and changes none: a new password is a new Secret, to which the resource's next version refers.
    So nobody ever sees one password with another's host, whoever writes at the same time.
    """

    def __init__(self, cluster: Cluster, access: Access | None, *, installation: str) -> None:
        self._cluster = cluster
        self._access = access
        self._installation = installation

    async def put(self, kind: str, resource: Manifest, password: Password) -> dict[str, str]:
        """Makes the Secret, which goes when the resource does; returns its uid by its name.

        Where that may have taken place although no answer came, it is removed: nobody would know its uid.
        """
        body = new_secret(kind, resource, password.reference, password.value, self._installation)
        try:
            made = await self._cluster.create_secret(body)
        except (InvalidError, NotFoundError) as error:
            # What Kubernetes says may repeat what was sent.
            raise UnavailableError("Kubernetes does not take the Secret for the password", part="kubernetes") from error
        except (UnavailableError, asyncio.CancelledError):
            # Nobody else's has this name, of which 8 digits were drawn just now.
            await carry_through(self._is_gone(password.reference.name, None))
            raise
        self._note(CREATE, password.reference.name)
        return {password.reference.name: str(made["metadata"]["uid"])}

    async def tidy(self, noun: str, resource: Manifest) -> dict[str, str]:
        """Removes those that were made for the resource and that it does not refer to; returns those that it has."""
        own, used = own_secrets(noun, resource), referred(resource)
        left = await self.remove({name: uid for name, uid in own.items() if name != used})
        return {name: uid for name, uid in own.items() if name == used or name in left}

    async def remove(self, own: Mapping[str, str]) -> dict[str, str]:
        """Removes Secrets that nothing refers to any more, uids by names; returns those that may still be there."""
        return {name: uid for name, uid in own.items() if not await self._is_gone(name, uid)}

    async def _is_gone(self, name: str, uid: str | None) -> bool:
        try:
            await self._cluster.delete_secret(name, uid=uid)
        except (NotFoundError, ConflictError):
            # Of a conflict nobody is told: Kubernetes names the uid that the Secret of this name really has, and
            # whoever knew it could have it deleted.
            return True
        except (UnavailableError, InvalidError) as error:
            _log.warning("a Secret is left for the next change", secret=name, reason=error.message)
            return False
        self._note(DELETE, name)
        return True

    def _note(self, verb: str, name: str) -> None:
        if self._access is not None:
            self._access.note(verb, _SECRETS, name)
