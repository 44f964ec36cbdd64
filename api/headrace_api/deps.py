"""What routes stand on, made once for each application."""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Self

from fastapi import Depends, Request

from headrace.cluster import Cluster
from headrace.store.store import Store
from headrace_api.auth.access import Access
from headrace_api.auth.gate import Guard
from headrace_api.auth.guards import guard_of
from headrace_api.editing import Editor
from headrace_api.reconciling import Reconciler
from headrace_api.resources import Resources
from headrace_api.running import Starter
from headrace_api.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """All that a route may need."""

    settings: Settings
    cluster: Cluster
    store: Store
    resources: Resources
    editor: Editor
    starter: Starter
    reconciler: Reconciler
    guard: Guard

    @classmethod
    def build(cls, settings: Settings, store: Store, cluster: Cluster) -> Self:
        """Puts the parts together; connects to nothing."""
        resources = Resources(cluster)
        return cls(
            settings=settings,
            cluster=cluster,
            store=store,
            guard=guard_of(settings, cluster, resources),
            **_over(resources, settings, store),
        )

    def on_behalf_of(self, access: Access) -> Self:
        """The same for one caller: only so can anything be written."""
        return replace(self, **_over(self.resources.on_behalf_of(access), self.settings, self.store))


def _over(resources: Resources, settings: Settings, store: Store) -> dict[str, Any]:
    """What reads and writes resources."""
    installation = settings.installation
    return {
        "resources": resources,
        "editor": Editor(resources, allowed=settings.allowed_targets, installation=installation),
        "starter": Starter(resources, store, installation=installation),
        "reconciler": Reconciler(resources, installation=installation, wait_seconds=settings.reconcile_seconds),
    }


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    # The gate has looked at this very route: or else somebody gets in by another's door.
    if request.state.route != request.scope["endpoint"].__name__:
        raise RuntimeError(f"the gate has seen {request.state.route}")
    return services.on_behalf_of(request.state.access)


Needs = Annotated[Services, Depends(_services)]
