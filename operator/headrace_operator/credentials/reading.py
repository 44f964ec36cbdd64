"""The Secrets of a source or destination, with their versions: a new one is a reason to try at once."""

from dataclasses import dataclass, field

from headrace.cluster import Cluster
from headrace.connections.secrets import Secrets, SecretSeen, secret_names
from headrace.model.connection import ConnectionSpec

Versions = tuple[tuple[str, str | None], ...]
"""Name and resourceVersion of each; None: there is none."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Secrets as they were read."""

    secrets: Secrets = field(repr=False)
    versions: Versions


async def read_credentials(cluster: Cluster, spec: ConnectionSpec, *, uid: str, installation: str) -> Credentials:
    """Reads the Secrets that are referred to, live.

    `uid` is that of the source or destination, `installation` the name of the installation's own Secret.
    """
    manifests = {name: await cluster.get_secret(name) for name in secret_names(spec)}
    found = {name: None if manifest is None else SecretSeen.of(manifest) for name, manifest in manifests.items()}
    versions = tuple((name, m["metadata"].get("resourceVersion") if m else None) for name, m in manifests.items())
    return Credentials(Secrets(found, installation, uid), versions)
