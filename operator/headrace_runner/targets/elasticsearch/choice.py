"""Which index a run writes: the one that readers see, the next one half-built, or one that has to be made. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace.errors import PermanentError
from headrace_runner.identity import other_source
from headrace_runner.targets.elasticsearch.found import Found, Observed, number_of
from headrace_runner.targets.elasticsearch.meta import DRAWN, Meta, Origin, Owner, digest_of


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
    origin: Origin | None = None
    """What it reads; None where versions are drawn."""
    restarts: bool = False
    """To start over was asked for, of a load."""
    is_full: bool = True
    prunes: bool = True

    @property
    def is_exact(self) -> bool:
        """After it the index holds just what the query gives."""
        return self.is_full and self.prunes

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
            origin=self.origin,
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
    # A field that is new to an unchanged row would stay away, for with a version column only newer rows get in.
    fits = (meta.key, meta.version_rule) == (wanted.key, wanted.version_rule) and (
        meta.version_rule == DRAWN or meta.mapping == wanted.digest
    )
    # Before anything makes a new index: of another source it would hold less than readers have.
    if not wanted.is_exact:
        _refuse_other_source(observed, meta, wanted, fits=fits)
    return not fits or (wanted.is_exact and _would_stay(meta, wanted))


def _would_stay(meta: Meta, wanted: Wanted) -> bool:
    """Whether an exact run would leave documents as they are that it should replace."""
    if wanted.origin is None:
        return False
    # A run that was asked to start over may be the only one that knows of a source that was restored.
    restarts = wanted.restarts and meta.run_id != wanted.run_id
    return restarts or _other_source(meta, wanted) is not None or _other_query(meta, wanted)


def query_changed(live: Found | None, wanted: Wanted) -> bool:
    """Whether another query filled an index of somebody else, which an exact run does not make anew for that.

    Only of the run that meets it: afterwards the index is one of several queries.
    """
    meta = None if live is None else live.meta
    if meta is None or meta.is_ours or meta.owner != wanted.owner or not wanted.is_exact:
        return False
    is_one = meta.origin is not None and meta.origin.query != ""
    return is_one and not wanted.rebuilds and _other_query(meta, wanted)


def _other_query(meta: Meta, wanted: Wanted) -> bool:
    """Where an index of an older version does not say its query, it is taken for this one."""
    return meta.origin is not None and wanted.origin is not None and meta.origin.query != wanted.origin.query


def _other_source(meta: Meta, wanted: Wanted) -> str | None:
    """What tells that the documents were read from elsewhere, as far as that counts: not where versions are drawn."""
    if wanted.origin is None or meta.version_rule == DRAWN:
        return None
    # Older versions, which did not note it, could only read the default source.
    return other_source(meta.origin or Origin(source="", place="", query=""), wanted.origin)


def _refuse_other_source(observed: Observed, meta: Meta, wanted: Wanted, *, fits: bool) -> None:
    """Raises PermanentError where an index of another source stays, unless the run was asked to go on in it.

    Incremental pipelines may have brought what no source has any more: a server's new name is no reason to lose it.
    """
    why = _other_source(meta, wanted)
    # Then the checkpoint is of another source, too, so that the run reads from the beginning.
    goes_on = wanted.restarts and not wanted.is_full and fits
    if why is not None and not goes_on:
        message = f"{why[0].upper()}{why[1:]}, and with versionColumn only rows that are newer get into the index"
        ways_out = _ways_out(meta, wanted, fits=fits)
        raise PermanentError(f'{message} "{observed.name}"; {ways_out}', field="version_column")


def _ways_out(meta: Meta, wanted: Wanted, *, fits: bool) -> str:
    if meta.is_ours and wanted.is_full:
        return (
            "a new index would hold no more than this run brings, for prune is false: start a rebuild "
            "or, where the query has parameters, delete the index and run each part again"
        )
    rebuild = "a rebuild loads a new index from what the source has now"
    if not meta.is_ours:
        rebuild = "it was not made by Headrace: start a rebuild, which replaces it"
    if wanted.is_full:
        return rebuild
    if not fits:
        return f"{rebuild}; no run can go on in this one, for its mapping, key or version column changed, too"
    return f"{rebuild}, or a run with restart: true goes on in this one and writes what is newer"


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
    if meta is not None:
        _refuse_other_source(observed, meta, wanted, fits=True)
    return False


def _goes_on(found: Found, wanted: Wanted) -> bool:
    """Whether a half-built index is what the checkpoint's position is in, and is made as we would make it."""
    meta = found.meta
    assert meta is not None
    is_alike = (meta.key, meta.version_rule, meta.mapping) == (wanted.key, wanted.version_rule, wanted.digest)
    return is_alike and found.uuid == wanted.checkpoint_at and meta.origin in (None, wanted.origin)
