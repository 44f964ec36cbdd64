"""The life of a target's index: found or made, loaded, shown to readers, and the ones before it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.errors import PermanentError, TransientError
from headrace.runspec import Mode, RunKind, RunSpec
from headrace_runner.protocols import Checkpoint
from headrace_runner.targets.elasticsearch.adoption import adopt, go_on
from headrace_runner.targets.elasticsearch.choice import Wanted, half_built, index_for, outlived, query_changed
from headrace_runner.targets.elasticsearch.client import LONG_SECONDS, require_shards, translated
from headrace_runner.targets.elasticsearch.creation import create, put_meta, set_back, write_alias
from headrace_runner.targets.elasticsearch.emptiness import refuse_empty
from headrace_runner.targets.elasticsearch.found import Found, Observed, observe
from headrace_runner.targets.elasticsearch.meta import DRAWN, Origin, Owner
from headrace_runner.targets.elasticsearch.swap import swap

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

_NO_REPLAY = (
    "There is no index yet that takes these rows (its mapping, its key, its version rule or what is read changed): "
    "run the pipeline, which reads all rows into a new one"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """The index that a run writes."""

    name: str
    """Never an alias."""
    uuid: str
    """What positions belong to: an index that was deleted and made again has another."""
    is_building: bool
    """No reader sees it before `finish`."""
    is_new: bool
    """Nothing was written to it yet."""
    post_to: str
    """What documents are sent to: `/{post_to}/_bulk`."""
    require_alias: bool
    """Whether `require_alias=true` goes with that: a bulk to an index that is gone would make another one."""


class Indices:
    """One run's index: `open`, write, then `finish`. Each raises PermanentError and TransientError.

    A process may die at any point of any of them: the next one finds what is there, and goes on.
    """

    def __init__(self, client: Elasticsearch, spec: RunSpec, check: Callable[[], None]) -> None:
        """`check` raises FencedError; it is called before what can't be undone."""
        self._client = client
        self._spec = spec
        self._check = check
        self._wanted: Wanted | None = None
        self._index: Index | None = None
        self.mapping: Mapping[str, Any] = {}
        """The mapping of the index that is written, as far as it concerns the query; after `open`."""
        self.query_changed = False
        """Rows that are not newer stay as an earlier query gave them, in an index of somebody else; after `open`."""

    def open(
        self,
        *,
        mapping: Mapping[str, Any],
        key_columns: Sequence[str],
        version_rule: str,
        checkpoint: Checkpoint,
        place: str = "",
    ) -> Index:
        """Finds the index to write, or makes the next one out of readers' sight, ready for the load.

        `mapping` is in Elasticsearch's words (`{"properties": …}`); `version_rule` is `meta.DRAWN` or the version
        column's name; `place` is the `Shape`'s. A half-built index is gone on with when the `checkpoint` is of it;
        other half-built ones of this pipeline are deleted. When the run then starts without a position, and the index
        `is_building` but not `is_new`: call `renew`.
        """
        if not key_columns:
            message = "Documents need a key: set keyColumns to columns that make a row unique"
            raise PermanentError(message, field="key_columns")
        at = checkpoint.identity.target_id if checkpoint.identity is not None else None
        wanted = Wanted(
            owner=Owner.of(self._spec),
            run_id=self._spec.run_id,
            rebuilds=self._spec.kind == RunKind.REBUILD,
            key=tuple(key_columns),
            version_rule=version_rule,
            mapping=mapping,
            checkpoint_at=at,
            origin=None if version_rule == DRAWN else Origin.of(self._spec, place),
            restarts=self._spec.restart and self._spec.kind == RunKind.LOAD,
            is_full=self._spec.mode == Mode.FULL,
            prunes=self._spec.prune,
        )
        self._wanted = wanted
        with translated():
            self._check()
            observed = observe(self._client, self._spec.target_table)
            self.query_changed = query_changed(observed.live, wanted)
            self._index = self._choose(observed, wanted)
        if not self._index.require_alias and observed.live is not None:
            # Somebody else's fields are what they are, and the others what we add.
            fields = {**mapping.get("properties", {}), **observed.live.mapping.get("properties", {})}
            self.mapping = {**mapping, "properties": fields}
        else:
            self.mapping = mapping
        return self._index

    def renew(self) -> Index:
        """Makes another index in place of the half-built one, which holds documents of a read that is not gone on with.

        They may have left the query since, and only a run that prunes would notice.
        """
        assert self._wanted is not None
        assert self._index is not None
        assert self._index.is_building
        with translated():
            self._check()
            observed = observe(self._client, self._spec.target_table)
            self._index = self._make(observed, self._wanted)
            self._delete(half_built(observed, self._wanted))
        return self._index

    def refresh(self) -> None:
        """Lets searches see all that was written so far."""
        assert self._index is not None
        with translated():
            refresh(self._client, self._index.name)

    def count(self) -> int:
        """How many documents of the run's index a search sees."""
        assert self._index is not None
        with translated():
            return _count(self._client, self._index.name)

    def holds(self, document_id: str) -> bool:
        """Whether the document is in the run's index, seen by searches or not."""
        assert self._index is not None
        with translated():
            return bool(self._client.exists(index=self._index.name, id=document_id, source=False))

    def finish(self, *, least: int = 0, most: int | None = None) -> None:
        """All is written and acknowledged: lets readers see it. To be called before the checkpoint says `done`.

        A new index must hold at least and at most so many documents, or it is deleted and PermanentError raised:
        readers keep what they have, and the next run starts over. Then its settings are set back and it takes the name
        in one call; the index before it is kept, those before that are deleted. Safe to repeat.
        """
        assert self._wanted is not None
        assert self._index is not None
        with translated():
            refresh(self._client, self._index.name)
            observed = observe(self._client, self._spec.target_table)
            found = self._again(observed)
            if self._index.is_building:
                self._require_count(observed, found, least, most)
                self._show(observed, found)
            self._check()
            self._delete(outlived(observed, self._wanted, found.name))
        self._index = dataclasses.replace(self._index, is_building=False)

    def _choose(self, observed: Observed, wanted: Wanted) -> Index:
        found, live = index_for(observed, wanted), observed.live
        if self._spec.kind == RunKind.REPLAY:
            # It brings a few rows: into what readers see or nowhere; a load that failed may still go on in its own.
            if found is None or found is not live or not adopt(self._client, live, wanted):
                raise PermanentError(_NO_REPLAY, field="kind")
            return _index(live)
        if found is not None and found is live:
            if adopt(self._client, live, wanted):
                self._delete(outlived(observed, wanted, live.name))
                return _index(live)
            found = index_for(observed, wanted, live_fits=False)
        self._delete(other for other in half_built(observed, wanted) if other is not found)
        if found is None:
            return self._make(observed, wanted)
        go_on(self._client, found, wanted)
        return _index(found, is_building=True)

    def _make(self, observed: Observed, wanted: Wanted) -> Index:
        found = create(self._client, observed.name, observed.next_name, wanted, observed.live)
        return _index(found, is_building=True, is_new=True)

    def _again(self, observed: Observed) -> Found:
        """The run's index, if it is still the one that was opened."""
        assert self._index is not None
        there = [observed.live] if not self._index.is_building else [observed.live, *observed.generations]
        for found in there:
            if found is not None and found.uuid == self._index.uuid:
                return found
        raise TransientError(f'The index "{self._index.name}" was deleted or replaced during the run')

    def _require_count(self, observed: Observed, found: Found, least: int, most: int | None) -> None:
        live = observed.live
        if live is found:
            return
        count = _count(self._client, found.name)
        if count == 0 and live is not None:
            refuse_empty(self._spec, _count(self._client, live.name))
        if least <= count and (most is None or count <= most):
            return
        self._check()
        self._delete([found])
        written = f"{least}" if least == most else f"at least {least}" if most is None else f"{least} to {most}"
        raise PermanentError(
            f"The new index held {count} documents where {written} were written, and was deleted: "
            "readers see what they saw, and the next run starts over"
        )

    def _show(self, observed: Observed, found: Found) -> None:
        assert found.meta is not None
        set_back(self._client, found.name, found.meta)
        if observed.live is not found:
            self._check()
            swap(self._client, observed, found.name)
        put_meta(self._client, found, found.meta.with_(is_building=False, settings=None))

    def _delete(self, indices: Iterable[Found]) -> None:
        from elasticsearch import BadRequestError, NotFoundError

        for found in indices:
            try:
                self._client.indices.delete(index=found.name)
            except (BadRequestError, NotFoundError):
                # It is gone, or a snapshot is made of it: the next run tries again.
                continue


def refresh(client: Elasticsearch, index: str) -> None:
    """Lets searches see all that was written so far; raises TransientError when a shard does not take part."""
    require_shards(client.options(request_timeout=LONG_SECONDS).indices.refresh(index=index).body)


def count_of(client: Elasticsearch, name: str) -> int:
    """How many documents a search by the name sees; 0 when it names nothing. Raises as `Indices` does."""
    with translated():
        live = observe(client, name).live
        return 0 if live is None else _count(client, live.name)


def _count(client: Elasticsearch, index: str) -> int:
    answer = client.count(index=index).body
    require_shards(answer)
    return int(answer["count"])


def _index(found: Found, *, is_building: bool = False, is_new: bool = False) -> Index:
    is_ours = found.meta is not None and found.meta.is_ours
    return Index(
        name=found.name,
        uuid=found.uuid,
        is_building=is_building,
        is_new=is_new,
        post_to=write_alias(found.name) if is_ours else found.name,
        require_alias=is_ours,
    )
