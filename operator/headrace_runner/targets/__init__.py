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


def class_of(kind: str) -> str:
    """Where the class for a kind is; raises PermanentError when there is none."""
    if kind not in TARGETS:
        raise PermanentError(f'Targets of kind "{kind}" are not supported yet', field="target_table")
    return TARGETS[kind]


def open_target(spec: RunSpec, settings: Settings, owner: str) -> Target:
    """Connects to the run's target; `owner` tells this process from all others that ever hold its fence.

    Raises PermanentError and TransientError.
    """
    module, name = class_of(spec.target_kind).split(":")
    make: Callable[[RunSpec, Settings, str], Target] = getattr(import_module(module), name)
    return make(spec, settings, owner)
