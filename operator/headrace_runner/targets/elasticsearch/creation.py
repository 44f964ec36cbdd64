"""Makes the next index of a name, out of readers' sight, and makes it ready for a load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from headrace.errors import PermanentError, TransientError
from headrace_runner.targets.elasticsearch.choice import Wanted
from headrace_runner.targets.elasticsearch.found import Found, look
from headrace_runner.targets.elasticsearch.mapping import refuse_full
from headrace_runner.targets.elasticsearch.meta import Meta

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

LOADING: Mapping[str, Any] = {
    "index.auto_expand_replicas": "false",
    "index.number_of_replicas": 0,
    "index.refresh_interval": "-1",
}
"""While nobody reads it: each replica would index every document once more, and each refresh make a small segment."""
_SHOWN_BY_TEMPLATE = (
    'An index template gives the alias "{name}" to each new index "{name}-…": readers would see it half-built'
)
_OF_ONE_INDEX = (
    "index.blocks.",
    "index.creation_date",
    "index.history.",
    "index.lifecycle.indexing_complete",
    "index.provided_name",
    "index.resize.",
    "index.routing.allocation.initial_recovery.",
    "index.uuid",
    "index.verified_before_close",
    "index.version.",
)
"""Settings that Elasticsearch gives to an index itself, or that a copy must not inherit."""


def create(client: Elasticsearch, name: str, index: str, wanted: Wanted, before: Found | None) -> Found:
    """Makes an index for `name`, ready for the load, with the settings of the one `before`, else those of the cluster.

    Raises PermanentError when Elasticsearch refuses the mapping, or an index template shows it to readers at once.
    """
    from elasticsearch import BadRequestError

    settings, meta = {}, wanted.meta
    if before is not None:
        settings = inherited(before.settings)
        # Each of these calls changes the cluster's state, which takes 30 ms and more: here one does for three.
        meta = meta.with_(settings={setting: settings.get(setting) for setting in LOADING})
        settings |= LOADING
    try:
        client.indices.create(
            index=index,
            settings=settings,
            mappings=with_meta(wanted.mapping, meta),
            # A bulk to an index that is gone makes a new one, with a mapping by guess; to an alias it does not.
            aliases={write_alias(index): {"is_hidden": True}},
        )
    except BadRequestError as error:
        if error.error == "resource_already_exists_exception":
            raise TransientError(f'Somebody else makes the index "{index}" just now') from error
        refuse_full(wanted.mapping, str(error))
        raise
    found = look(client, index)
    if name in found.aliases:
        client.indices.delete(index=index)
        raise PermanentError(_SHOWN_BY_TEMPLATE.format(name=name), field="target_table")
    if before is None:
        # What templates and the cluster gave it is only known now.
        make_ready(client, found)
    return found


def make_ready(client: Elasticsearch, found: Found) -> None:
    """Sets what the load is faster with, once what it was before is noted.

    In this order, so that after a crash nothing is taken for what was there before.
    """
    meta = found.meta
    assert meta is not None
    if meta.settings is None:
        meta = meta.with_(settings={setting: found.settings.get(setting) for setting in LOADING})
        put_meta(client, found, meta)
    client.indices.put_settings(index=found.name, settings=LOADING)


def set_back(client: Elasticsearch, index: str, meta: Meta) -> None:
    """Undoes what `make_ready` set; the note of it stays until `put_meta` takes it away."""
    if meta.settings is not None:
        client.indices.put_settings(index=index, settings=meta.settings)


def put_meta(client: Elasticsearch, found: Found, meta: Meta, fields: Mapping[str, Any] | None = None) -> None:
    """Notes what an index says of itself, and adds fields in the same call."""
    body = with_meta({"_meta": found.mapping.get("_meta"), **({"properties": fields} if fields else {})}, meta)
    client.indices.put_mapping(index=found.name, body=body)


def write_alias(index: str) -> str:
    """By which documents are sent to an index that we made."""
    return f"{index}.write"


def inherited(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What the next index takes over of one's settings: analysis, shards and so on, but not what is its own."""
    return {name: value for name, value in settings.items() if not name.startswith(_OF_ONE_INDEX)}


def with_meta(mapping: Mapping[str, Any], meta: Meta) -> dict[str, Any]:
    """The mapping, which also says that; what else stands in `_meta` stays."""
    return {**mapping, "_meta": {**(mapping.get("_meta") or {}), "headrace": meta.to_json()}}
