"""Which index a run writes: the one that readers see, the next one half-built, or one that has to be made. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace.errors import PermanentError
from headrace_runner.targets.elasticsearch.found import Found, Observed, number_of
from headrace_runner.targets.elasticsearch.meta import DRAWN, Meta, Owner, digest_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a run wants of its index."""

    owner: Owner
    run_id: str
    rebuilds: bool
    """A new index was asked for."""
    key: tuple[str, ...]
    version_rule: str
    mapping: Mapping[str, Any]
    checkpoint_at: str | None
    """The uuid of the index that the checkpoint's position is in."""

    @property
    def digest(self) -> str:
        """The mapping's."""
        return digest_of(self.mapping)

    @property
    def meta(self) -> Meta:
        """Of an index that is made for it."""
        return Meta(
            owner=self.owner,
            key=self.key,
            version_rule=self.version_rule,
            mapping=self.digest,
            run_id=self.run_id,
            is_ours=True,
            is_building=True,
        )


def index_for(observed: Observed, wanted: Wanted, *, live_fits: bool = True) -> Found | None:
    """The index to write, None when the next one has to be made; `live_fits`: its mapping takes what is wanted.

    Raises PermanentError when the name belongs to somebody else, or nobody may replace what it shows.
    """
    live = observed.live
    if live is not None and live_fits and not _must_replace(observed, live, wanted):
        return live
    return next((found for found in half_built(observed, wanted) if _goes_on(found, wanted)), None)


def missing_fields(live: Found, wanted: Wanted) -> dict[str, Any]:
    """The fields that an index of somebody else lacks; raises PermanentError when it takes none.

    Those that it has stay as they are, whatever their type: a document that does not fit is a bad row.
    """
    has = live.mapping.get("properties", {})
    missing = {name: field for name, field in wanted.mapping.get("properties", {}).items() if name not in has}
    dynamic = str(live.mapping.get("dynamic", "true")).lower()
    if missing and dynamic == "strict":
        names = ", ".join(f'"{name}"' for name in missing)
        raise PermanentError(f"The index has no field for {names}, and its mapping is strict", field="target_table")
    return missing if dynamic == "true" else {}


def half_built(observed: Observed, wanted: Wanted) -> list[Found]:
    """Indices of the pipeline that no reader has seen yet, the latest first."""
    ours = [found for found in _ours(observed, wanted) if found.meta is not None and found.meta.is_building]
    return [found for found in reversed(ours) if observed.live is None or found.name != observed.live.name]


def outlived(observed: Observed, wanted: Wanted, shown: str) -> list[Found]:
    """Indices of the pipeline that nobody needs when `shown` is what readers see.

    Those are the half-built ones, and the complete ones before it but for the last. One after it is kept: somebody set
    the alias back by hand.
    """
    number = number_of(observed.name, shown) or 0
    half = [found for found in half_built(observed, wanted) if found.name != shown]
    complete = [found for found in _ours(observed, wanted) if found not in half and found.name != shown]
    before = [found for found in complete if (number_of(observed.name, found.name) or 0) < number]
    return half + before[:-1]


def _ours(observed: Observed, wanted: Wanted) -> list[Found]:
    """Those that the pipeline made, by number."""
    return [
        found
        for found in observed.generations
        if found.meta is not None and found.meta.is_ours and found.meta.owner == wanted.owner
    ]


def _must_replace(observed: Observed, live: Found, wanted: Wanted) -> bool:
    meta = live.meta
    if meta is not None and meta.owner != wanted.owner:
        return _take_over(observed, meta, wanted)
    if meta is None or not meta.is_ours:
        return _replace_foreign(observed, meta, wanted)
    if wanted.rebuilds and meta.run_id != wanted.run_id:
        return True
    # With a version column an unchanged row is skipped: a field that is new to it would never get in.
    is_stale = meta.version_rule != DRAWN and meta.mapping != wanted.digest
    return is_stale or (meta.key, meta.version_rule) != (wanted.key, wanted.version_rule)


def _take_over(observed: Observed, meta: Meta, wanted: Wanted) -> bool:
    if wanted.rebuilds and observed.is_alias:
        return True
    owner = meta.owner
    where = f"{owner.namespace}/{owner.pipeline}"
    if owner.installation != wanted.owner.installation:
        where = f"{where} of another installation"
    hint = "; a rebuild would take the name over" if observed.is_alias else ""
    raise PermanentError(f'The index "{observed.name}" is written by the pipeline {where}{hint}', field="target_table")


def _replace_foreign(observed: Observed, meta: Meta | None, wanted: Wanted) -> bool:
    if wanted.rebuilds:
        if observed.is_alias or meta is not None:
            return True
        message = (
            f'The index "{observed.name}" was never written by this pipeline, and a rebuild would delete it: '
            "run the pipeline first, or delete the index"
        )
        raise PermanentError(message, field="target_table")
    if meta is not None and (meta.key, meta.version_rule) != (wanted.key, wanted.version_rule):
        message = f'The key or the version column changed, and the index "{observed.name}" was not made by Headrace'
        raise PermanentError(f"{message}: start a rebuild, which replaces it", field="key_columns")
    return False


def _goes_on(found: Found, wanted: Wanted) -> bool:
    """Whether a half-built index is what the checkpoint's position is in, and is made as we would make it."""
    meta = found.meta
    assert meta is not None
    is_alike = (meta.key, meta.version_rule, meta.mapping) == (wanted.key, wanted.version_rule, wanted.digest)
    return is_alike and found.uuid == wanted.checkpoint_at
