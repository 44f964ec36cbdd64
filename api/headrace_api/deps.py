"""What routes stand on, made once for each application."""

from dataclasses import dataclass
from typing import Annotated, Self

from fastapi import Depends, Request

from headrace.cluster import Cluster
from headrace.store.store import Store
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

    @classmethod
    def build(cls, settings: Settings, store: Store, cluster: Cluster) -> Self:
        """Puts the parts together; connects to nothing."""
        resources = Resources(cluster)
        installation = settings.installation
        return cls(
            settings=settings,
            cluster=cluster,
            store=store,
            resources=resources,
            editor=Editor(resources, allowed=settings.allowed_targets, installation=installation),
            starter=Starter(resources, store, installation=installation),
            reconciler=Reconciler(resources, installation=installation, wait_seconds=settings.reconcile_seconds),
        )


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Needs = Annotated[Services, Depends(_services)]
