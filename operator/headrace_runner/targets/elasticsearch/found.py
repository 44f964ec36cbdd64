"""What a name shows in Elasticsearch now, and whether that can be written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.errors import PermanentError
from headrace_runner.targets.elasticsearch.meta import Meta

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

_GENERATION = re.compile(r"-(0\d{5})")
_TRUE = ("true", True)
_DATA_STREAM = "is a data stream, which takes no updates: name an index, or an alias of one"
_NOTHING: Mapping[str, Any] = {"indices": [], "aliases": [], "data_streams": []}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One index."""

    name: str
    uuid: str
    aliases: Mapping[str, Mapping[str, Any]]
    """Name to what it has: filter, routing and so on."""
    settings: Mapping[str, Any]
    """Those that were set, by full name: `index.number_of_replicas`."""
    mapping: Mapping[str, Any]
    meta: Meta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """A target's name, and what belongs to it."""

    name: str
    live: Found | None
    """What a search by that name sees."""
    is_alias: bool
    """The name is an alias onto `live`, not the index itself."""
    generations: tuple[Found, ...]
    """All indices `name-000001` and so on, whoever made them, by number; also the live one, if it is one of them."""

    @property
    def next_name(self) -> str:
        """A name that was never in use, as far as one can see."""
        last = max((number_of(self.name, found.name) or 0 for found in self.generations), default=0)
        return f"{self.name}-{last + 1:06}"


def observe(client: Elasticsearch, name: str) -> Observed:
    """Raises PermanentError when the name shows something that can't be written."""
    answer = _resolved(client, name)
    shown = shown_by(name, answer)
    wanted = [f"{name}-0*"] if shown is None else [shown, f"{name}-0*"]
    # Not `ignore_unavailable`: a closed index is one that is not available.
    indices = client.indices.get(index=wanted, expand_wildcards="all", flat_settings=True).body
    found = {index: _found(index, body) for index, body in indices.items()}
    if shown is not None and shown not in found:
        # An alias onto a data stream, whose indices have names of their own.
        raise _refused(name, _DATA_STREAM)
    live = None if shown is None else found[shown]
    if live is not None:
        refuse_unwritable(name, live)
    generations = [index for index in found if number_of(name, index) is not None]
    return Observed(
        name=name,
        live=live,
        is_alias=shown is not None and shown != name,
        generations=tuple(found[index] for index in sorted(generations)),
    )


def look(client: Elasticsearch, index: str) -> Found:
    """One index that is there."""
    return _found(index, client.indices.get(index=index, flat_settings=True).body[index])


def number_of(name: str, index: str) -> int | None:
    """3 for `film_dim-000003`; None for an index that is none of the name's."""
    match = _GENERATION.fullmatch(index.removeprefix(name)) if index.startswith(name) else None
    return int(match.group(1)) if match else None


def shown_by(name: str, answer: Mapping[str, Any]) -> str | None:
    """The one index that a name shows, from what `_resolve/index` says; None when it shows nothing.

    Raises PermanentError when that is something else.
    """
    if answer["data_streams"] or any(index.get("data_stream") for index in answer["indices"]):
        raise _refused(name, _DATA_STREAM)
    shown = [alias["indices"] for alias in answer["aliases"]] + [[index["name"]] for index in answer["indices"]]
    indices = [index for group in shown for index in (group if isinstance(group, list) else [group])]
    if len(indices) > 1:
        raise _refused(name, f"stands for {len(indices)} indices ({', '.join(sorted(indices)[:3])}…): name one of them")
    if not indices:
        return None
    attributes = {attribute for index in answer["indices"] for attribute in index.get("attributes", ())}
    if "system" in attributes or indices[0].startswith("."):
        raise _refused(name, "is an index of the system, or a hidden one")
    return str(indices[0])


def refuse_unwritable(name: str, live: Found) -> None:
    """Raises PermanentError when the index takes no documents now, or none of ours."""
    settings = live.settings
    if settings.get("index.verified_before_close") in _TRUE:
        raise _refused(name, "is closed: open it, or delete it")
    if settings.get("index.blocks.read_only_allow_delete") in _TRUE:
        raise _refused(name, "is read-only (Elasticsearch sets that when its disk is nearly full)")
    if settings.get("index.blocks.read_only") in _TRUE or settings.get("index.blocks.write") in _TRUE:
        raise _refused(name, "is read-only")
    if settings.get("index.mode") == "time_series":
        raise _refused(name, "is a time series index, which makes its ids itself")


def _resolved(client: Elasticsearch, name: str) -> Mapping[str, Any]:
    from elasticsearch import NotFoundError

    try:
        return dict(client.indices.resolve_index(name=name, expand_wildcards="all"))
    except NotFoundError:
        return _NOTHING


def _found(index: str, body: Mapping[str, Any]) -> Found:
    settings, mapping = body["settings"], body["mappings"]
    return Found(
        name=index,
        uuid=settings["index.uuid"],
        aliases=body["aliases"],
        settings=settings,
        mapping=mapping,
        meta=Meta.of(mapping),
    )


def _refused(name: str, why: str) -> PermanentError:
    return PermanentError(f'"{name}" {why}', field="target_table")
