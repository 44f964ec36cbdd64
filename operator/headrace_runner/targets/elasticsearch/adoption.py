"""Makes an index that is there ready for a run: the one that readers see, or one half-built."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from headrace_runner.targets.elasticsearch.choice import Wanted, missing_fields
from headrace_runner.targets.elasticsearch.creation import make_ready, put_meta, set_back, with_meta, write_alias
from headrace_runner.targets.elasticsearch.found import Found
from headrace_runner.targets.elasticsearch.meta import Meta, Origin

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch


def adopt(client: Elasticsearch, live: Found, wanted: Wanted) -> bool:
    """Brings what readers see up to what is wanted, in place; False when its mapping does not take that."""
    if live.meta is None or not live.meta.is_ours:
        _mark(client, live, wanted)
        return True
    meta = live.meta.with_(is_building=False, settings=None, origin=_origin(live.meta, wanted))
    if meta != live.meta:
        # The run before died after the swap, or this one reads another query.
        set_back(client, live.name, live.meta)
        put_meta(client, live, meta)
    _ensure_write_alias(client, live)
    return meta.mapping == wanted.digest or _extend(client, live, wanted, meta.with_(mapping=wanted.digest))


def go_on(client: Elasticsearch, half: Found, wanted: Wanted) -> None:
    """Makes a half-built index ready for more, by this run."""
    assert half.meta is not None
    meta = half.meta.with_(run_id=wanted.run_id, origin=wanted.origin)
    if meta != half.meta:
        # Of a rebuild that is asked for once more: by this it knows the index as its own when it has been shown.
        put_meta(client, half, meta)
        half = dataclasses.replace(half, meta=meta)
    _ensure_write_alias(client, half)
    make_ready(client, half)


def _mark(client: Elasticsearch, live: Found, wanted: Wanted) -> None:
    """Notes who writes an index that somebody else made, and adds the fields that it lacks."""
    from elasticsearch import AuthorizationException

    fields = missing_fields(live, wanted)
    origin = _origin(live.meta, wanted)
    if live.meta is not None and live.meta.origin == origin and not fields:
        return
    meta = wanted.meta.with_(mapping="", is_ours=False, is_building=False, origin=origin)
    try:
        put_meta(client, live, meta, fields)
    except AuthorizationException:
        # Whoever may only write documents does; then a rebuild is refused, and another key or source not noticed.
        if fields:
            raise


def _origin(before: Meta | None, wanted: Wanted) -> Origin | None:
    return None if wanted.origin is None else wanted.origin.added_to(None if before is None else before.origin)


def _extend(client: Elasticsearch, live: Found, wanted: Wanted, meta: Meta) -> bool:
    from elasticsearch import BadRequestError

    body = with_meta({**wanted.mapping, "_meta": live.mapping.get("_meta")}, meta)
    try:
        client.indices.put_mapping(index=live.name, body=body)
    except BadRequestError:
        # It is all or nothing; what is wrong with the mapping as such, a new index will say.
        return False
    return True


def _ensure_write_alias(client: Elasticsearch, found: Found) -> None:
    if write_alias(found.name) not in found.aliases:
        add = {"index": found.name, "alias": write_alias(found.name), "is_hidden": True}
        client.indices.update_aliases(actions=[{"add": add}])
