"""Shows a complete index to readers in place of the one before, in one call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from headrace.errors import TransientError
from headrace_runner.targets.elasticsearch.creation import write_alias
from headrace_runner.targets.elasticsearch.found import Observed

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

Action = dict[str, dict[str, Any]]


def swap(client: Elasticsearch, observed: Observed, index: str) -> None:
    """Shows `index` by the name, all or nothing; raises TransientError when the name shows another one by now."""
    from elasticsearch import NotFoundError

    try:
        client.indices.update_aliases(actions=actions_for(observed, index))
    except NotFoundError as error:
        raise TransientError(f'What "{observed.name}" names was changed by somebody else just now') from error


def actions_for(observed: Observed, index: str) -> list[Action]:
    """What `_aliases` is told; the alias keeps its filter and routing. Pure."""
    name, live = observed.name, observed.live
    if live is None or live.name == index:
        return [_add(index, name, {})]
    # An index that goes takes its aliases with it, and one that is kept for a while would show old documents by them.
    is_left = live.meta is not None and live.meta.is_ours
    moved = live.aliases if is_left or not observed.is_alias else {name: live.aliases[name]}
    kept = {alias: values for alias, values in moved.items() if alias not in {name, write_alias(live.name)}}
    actions = [_remove(live.name, alias) for alias in kept] if observed.is_alias else []
    actions += [_remove(live.name, name) if observed.is_alias else {"remove_index": {"index": name}}]
    actions += [{"add": {"index": index, "alias": alias, **values}} for alias, values in kept.items()]
    return [*actions, _add(index, name, live.aliases.get(name, {}))]


def _add(index: str, alias: str, values: Mapping[str, Any]) -> Action:
    return {"add": {"index": index, "alias": alias, **values, "is_write_index": True}}


def _remove(index: str, alias: str) -> Action:
    # Otherwise a missing one is passed over as long as one action does something.
    return {"remove": {"index": index, "alias": alias, "must_exist": True}}
