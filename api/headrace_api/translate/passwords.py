"""The Secrets that the API makes for passwords: what they are called, and what is in them."""

import re
import secrets
from collections.abc import Mapping
from typing import Any

from headrace import names
from headrace.cluster import Manifest
from headrace.manifests import labels, owner, secret_data
from headrace.model.connection import SecretKey

KEY = "password"
_LONGEST = 220
"""Of the owner's name in that of its Secret, which has 253 characters at most."""


def new_reference(noun: str, name: str) -> SecretKey:
    """Where a password is put: a name that no other resource's Secret has; `noun` is source or destination."""
    return SecretKey(name=f"{name[:_LONGEST]}-{noun}-{secrets.token_hex(4)}", key=KEY)


def own_secrets(noun: str, resource: Manifest) -> dict[str, str]:
    """The Secrets that the API made for this resource and has not seen go: the uid of each by its name.

    Whoever may patch the resource can write any Secret into its list. They would have it deleted only if they knew its
    uid, which nobody does who can't read it, and if it were called as one of this resource is: so a copied manifest,
    with the list in it, is no harm to the first one's either.
    """
    listed = (resource["metadata"].get("annotations") or {}).get(names.PASSWORD_SECRETS_ANNOTATION) or ""
    pairs = (each.partition("=") for each in listed.split(","))
    owner_name = resource["metadata"]["name"]
    return {secret: uid for secret, _, uid in pairs if uid and _is_named_for(noun, owner_name, secret)}


def listing(own: Mapping[str, str]) -> dict[str, Any]:
    """The annotation that `own_secrets` reads; null, so that a patch removes it, where there is none."""
    listed = ",".join(f"{name}={uid}" for name, uid in own.items())
    return {names.PASSWORD_SECRETS_ANNOTATION: listed or None}


def is_own(noun: str, resource: Manifest) -> bool:
    """Whether the password lies in a Secret that the API made; else others take care of it, or there is none."""
    return referred(resource) in own_secrets(noun, resource)


def referred(resource: Manifest) -> str | None:
    """The name of the Secret with the password."""
    reference = reference_of(resource)
    return None if reference is None else reference.name


def reference_of(resource: Manifest) -> SecretKey | None:
    """Where the password lies; None where it has none, or in a connection string."""
    reference = resource["spec"].get("passwordSecret")
    return SecretKey.model_validate(reference) if reference else None


def _is_named_for(noun: str, name: str, secret: str) -> bool:
    return re.fullmatch(rf"{re.escape(name[:_LONGEST])}-{noun}-[0-9a-f]{{8}}", secret) is not None


def new_secret(kind: str, resource: Manifest, reference: SecretKey, password: str, installation: str) -> Manifest:
    """A Secret that Kubernetes removes with the resource."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {
            "name": reference.name,
            "labels": {**labels(installation), names.CREDENTIALS_LABEL: "true"},
            "ownerReferences": [owner(kind, resource["metadata"]["name"], resource["metadata"]["uid"])],
        },
        "data": secret_data({reference.key: password}),
    }
