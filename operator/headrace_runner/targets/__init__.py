"""Where rows go: one package a kind, one line in `TARGETS`."""

from collections.abc import Callable
from importlib import import_module

from headrace.errors import PermanentError
from headrace.runspec import RunSpec
from headrace_runner.protocols import Target
from headrace_runner.settings import Settings

TARGETS: dict[str, str] = {
    "postgres": "headrace_runner.targets.postgres.target:PostgresTarget",
    "elasticsearch": "headrace_runner.targets.elasticsearch.target:ElasticsearchTarget",
}
"""Kind → class. By name: a connector is imported when it is used."""


def open_target(spec: RunSpec, settings: Settings, owner: str) -> Target:
    """Connects to the run's target; `owner` tells this process from all others that ever hold its fence.

    Raises PermanentError and TransientError.
    """
    path = TARGETS.get(spec.target_kind)
    if path is None:
        raise PermanentError(f'Targets of kind "{spec.target_kind}" are not supported yet', field="target_table")
    module, name = path.split(":")
    make: Callable[[RunSpec, Settings, str], Target] = getattr(import_module(module), name)
    return make(spec, settings, owner)
