"""Secrets as sources and destinations use them: which they may, and what is in them."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from headrace import names
from headrace.connections.problem import NoWayInError
from headrace.model.conditions import Reason
from headrace.model.connection import ConnectionSpec, SecretKey

INSTALLATION_KEYS = frozenset({"source", "target", "elasticsearch"})
"""Of the installation's own Secret what sources and destinations may use: never the store's DSN."""


_OWNERS = frozenset({names.SOURCE_KIND, names.DESTINATION_KIND})


@dataclass(frozen=True, slots=True)
class SecretSeen:
    """A Secret as it was read."""

    labels: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Decoded; what is no text is left out."""
    owners: tuple[tuple[str, str], ...] = ()
    """Kind and uid of the sources and destinations that it was made for."""

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Self:
        """Reads a core/v1 Secret."""
        data: dict[str, str] = {}
        for key, value in (manifest.get("data") or {}).items():
            try:
                data[key] = base64.b64decode(value, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                continue
        metadata = manifest["metadata"]
        owners = ((o.get("kind", ""), o.get("uid", "")) for o in metadata.get("ownerReferences") or [])
        return cls(metadata.get("labels") or {}, data, tuple(owner for owner in owners if owner[0] in _OWNERS))


@dataclass(frozen=True, slots=True)
class Secrets:
    """Those that a source or destination names, by `metadata.name`."""

    found: Mapping[str, SecretSeen | None]
    """None: there is none of that name."""
    installation: str
    """The installation's own, which needs no label for `INSTALLATION_KEYS`."""
    user: str = ""
    """The uid of the source or destination."""

    def usable(self, reference: SecretKey, *, whole: bool = False) -> SecretSeen:
        """The Secret that is referred to; NoWayInError when there is none, or it was not meant for us.

        `whole`: for a connection string, which also says where it goes.
        """
        secret = self.found.get(reference.name)
        if secret is None:
            raise NoWayInError(Reason.SECRET_MISSING, f"the Secret '{reference.name}' does not exist")
        ours = whole and reference.name == self.installation and reference.key in INSTALLATION_KEYS
        if not ours and secret.labels.get(names.CREDENTIALS_LABEL) != "true":
            # Or else whoever may write a source could have any Secret of the namespace sent to a host of theirs.
            label = f'{names.CREDENTIALS_LABEL}: "true"'
            raise NoWayInError(Reason.SECRET_NOT_ALLOWED, f"the Secret '{reference.name}' lacks the label {label}")
        if secret.owners and self.user not in {uid for _, uid in secret.owners}:
            message = f"the Secret '{reference.name}' belongs to another {secret.owners[0][0]}: make one for both"
            raise NoWayInError(Reason.SECRET_NOT_ALLOWED, message)
        return secret

    def value(self, reference: SecretKey, *, whole: bool = False) -> str:
        """What is referred to; NoWayInError when it is not there."""
        secret = self.usable(reference, whole=whole)
        if reference.key not in secret.data:
            message = f"the Secret '{reference.name}' has no key '{reference.key}'"
            raise NoWayInError(Reason.SECRET_MISSING, message)
        return secret.data[reference.key]


def secret_names(spec: ConnectionSpec) -> list[str]:
    """The Secrets that have to be read."""
    references = (spec.password_secret, spec.connection_secret)
    return sorted({reference.name for reference in references if reference is not None})
