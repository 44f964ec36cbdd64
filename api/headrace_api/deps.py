"""What routes stand on, made once for each application."""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Self

from fastapi import Depends, Request

from headrace.cluster import Cluster
from headrace.store.listings import Scope
from headrace.store.store import Store
from headrace_api.auth.access import Access
from headrace_api.gate import Guard
from headrace_api.guards import guard_of
from headrace_api.resources import Resources
from headrace_api.services.backfilling import Backfiller
from headrace_api.services.connection_kinds import DESTINATIONS, SOURCES
from headrace_api.services.connections import Connections
from headrace_api.services.editing import Editor
from headrace_api.services.executing import Executor
from headrace_api.services.executions import Executions
from headrace_api.services.followers import Followers, Watcher
from headrace_api.services.passwords import Passwords
from headrace_api.services.previewing import Previewer
from headrace_api.services.projects import Projects
from headrace_api.services.reconciling import Reconciler
from headrace_api.services.running import Starter
from headrace_api.services.schedules import Schedules
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
    previewer: Previewer
    projects: Projects
    sources: Connections
    destinations: Connections
    schedules: Schedules
    backfiller: Backfiller
    guard: Guard
    executions: Executions
    executor: Executor
    watcher: Watcher
    followers: Followers

    @property
    def scope(self) -> Scope:
        """What the store keeps of this installation."""
        return _scope(self.settings)

    @classmethod
    def build(cls, settings: Settings, store: Store, cluster: Cluster) -> Self:
        """Puts the parts together; connects to nothing."""
        resources, followers = Resources(cluster), Followers()
        return cls(
            settings=settings,
            cluster=cluster,
            store=store,
            guard=guard_of(settings, cluster, resources),
            followers=followers,
            **_over(resources, settings, store, cluster, followers),
        )

    def on_behalf_of(self, access: Access) -> Self:
        """The same for one caller: only so can anything be written."""
        resources = self.resources.on_behalf_of(access)
        return replace(self, **_over(resources, self.settings, self.store, self.cluster, self.followers))


def _scope(settings: Settings) -> Scope:
    return (settings.installation, settings.namespace)


def _over(
    resources: Resources, settings: Settings, store: Store, cluster: Cluster, followers: Followers
) -> dict[str, Any]:
    """What reads and writes resources."""
    installation, scope = settings.installation, _scope(settings)
    starter = Starter(resources, store, installation=installation)
    executions = Executions(resources, store, scope=scope)
    passwords = Passwords(cluster, resources.access, installation=installation)
    return {
        "resources": resources,
        "projects": Projects(resources, installation=installation),
        "sources": Connections(SOURCES, resources.sources, resources, passwords, installation=installation),
        "destinations": Connections(
            DESTINATIONS, resources.destinations, resources, passwords, installation=installation
        ),
        "schedules": Schedules(resources, installation=installation),
        "backfiller": Backfiller(resources, store, installation=installation),
        "editor": Editor(resources, allowed=settings.allowed_targets, installation=installation),
        "starter": starter,
        "executions": executions,
        "executor": Executor(resources, executions, starter, installation=installation),
        "watcher": Watcher(resources, store, scope=scope, followers=followers),
        "previewer": Previewer(
            resources, store, scope=scope, allowed=settings.allowed_targets, wait_seconds=settings.preview_wait
        ),
        "reconciler": Reconciler(resources, installation=installation, wait_seconds=settings.reconcile_seconds),
    }


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    # The gate has looked at this very route: or else somebody gets in by another's door.
    if request.state.route != request.scope["endpoint"].__name__:
        raise RuntimeError(f"the gate has seen {request.state.route}")
    return services.on_behalf_of(request.state.access)


Needs = Annotated[Services, Depends(_services)]
