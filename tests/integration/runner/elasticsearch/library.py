"""One index name on a real server, runs that write it, and what others do to it meanwhile."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from headrace.runspec import RunSpec
from headrace.search.endpoint import Endpoint
from headrace.search.settings import ElasticsearchSettings
from headrace_runner.identity import Identity
from headrace_runner.protocols import Checkpoint
from headrace_runner.targets.elasticsearch.client import open_client
from headrace_runner.targets.elasticsearch.indices import Index, Indices, count_of
from headrace_runner.targets.elasticsearch.meta import DRAWN

LONG = {"properties": {"id": {"type": "long"}, "v": {"type": "keyword"}}}
MORE = {"properties": {**LONG["properties"], "more": {"type": "long"}}}
TEXT = {"properties": {"id": {"type": "long"}, "v": {"type": "text"}}}
IDS = range(20)


class Died(BaseException):
    """The process is gone."""


class Library:
    """One index name, and runs that write it."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.name = server.fresh_index()
        self.endpoint = Endpoint.from_settings(ElasticsearchSettings(url=server.url))
        self.client = open_client(self.endpoint)
        self.checkpoint = Checkpoint(holder=1)
        self._runs = itertools.count(1)

    def spec(self, **fields: Any) -> RunSpec:
        """A run of its own."""
        values = {
            "run_id": f"run-{next(self._runs)}",
            "installation": "test",
            "namespace": "default",
            "pipeline_name": "films",
            "pipeline_uid": "1",
            "query": "",
            "target_schema": "",
            "target_table": self.name,
            **fields,
        }
        return RunSpec(**values)

    def indices(self, spec: RunSpec) -> Indices:
        """What a process has."""
        return Indices(self.client, spec, lambda: None)

    def open(self, spec: RunSpec, mapping: Any = LONG, key: tuple[str, ...] = ("id",), rule: str = DRAWN) -> Any:
        """The first half of a run."""
        indices = self.indices(spec)
        index = indices.open(mapping=mapping, key_columns=key, version_rule=rule, checkpoint=self.checkpoint)
        identity = Identity(target_id=index.uuid, key_columns=key, incremental_key=None, fingerprint="")
        self.checkpoint = Checkpoint(holder=1, run_id=spec.run_id, identity=identity)
        return indices, index

    def run(self, spec: RunSpec | None = None, mapping: Any = LONG, ids: Any = IDS, **how: Any) -> Index:
        """A whole run that writes these documents and sees that they are all."""
        indices, index = self.open(spec or self.spec(), mapping, **how)
        self.write(index, ids)
        indices.finish(least=len(ids), most=len(ids))
        return index

    def write(self, index: Index, ids: Any) -> None:
        """Sends documents as the senders do."""
        if not ids:
            return
        lines = "".join(f'{{"index":{{"_id":"{id_}"}}}}\n{{"id":{id_},"v":"{index.name}"}}\n' for id_ in ids)
        require = "?require_alias=true" if index.require_alias else ""
        status, answer = self.server.request("POST", f"/{index.post_to}/_bulk{require}", lines)
        assert (status, answer["errors"]) == (200, False), answer

    def make(self, suffix: str = "", **body: Any) -> None:
        """An index that somebody else made."""
        status, answer = self.server.request("PUT", f"/{self.name}{suffix}", body)
        assert status == 200, answer

    def alias(self, *actions: Any) -> None:
        """Somebody else changes aliases."""
        assert self.server.request("POST", "/_aliases", {"actions": actions})[0] == 200

    def generations(self) -> list[str]:
        """All indices that begin with the name."""
        found = self.server.request("GET", f"/_resolve/index/{self.name}*?expand_wildcards=all")[1]
        return sorted(index["name"].removeprefix(self.name) for index in found["indices"])

    def shown(self) -> set[str]:
        """What indices the name shows."""
        status, found = self.server.request("GET", f"/_alias/{self.name}")
        return {name.removeprefix(self.name) for name in found} if status == 200 else set()

    def settings(self, suffix: str) -> dict[str, Any]:
        """Those that were set."""
        answer = self.server.request("GET", f"/{self.name}{suffix}/_settings?flat_settings=true")[1]
        return answer[f"{self.name}{suffix}"]["settings"]

    def headrace(self, suffix: str) -> dict[str, Any] | None:
        """What the index says of itself."""
        mapping = self.server.request("GET", f"/{self.name}{suffix}/_mapping")[1][f"{self.name}{suffix}"]["mappings"]
        return mapping.get("_meta", {}).get("headrace")

    def dies_after(self, calls: int) -> None:
        """From now on the process ends when Elasticsearch has done its nth call, and its answer is lost."""
        send, count = self.client.transport.perform_request, itertools.count(1)

        def perform_request(*arguments: Any, **named: Any) -> Any:
            answer = send(*arguments, **named)
            if next(count) == calls:
                raise Died
            return answer

        self.client.transport.perform_request = perform_request

    def delete_all(self) -> None:
        """As if there had never been a run."""
        for suffix in self.generations():
            assert self.server.request("DELETE", f"/{self.name}{suffix}")[0] == 200
        self.lives()
        self.checkpoint = Checkpoint(holder=1)

    def lives(self) -> None:
        """A new process."""
        self.client = open_client(self.endpoint)

    @contextmanager
    def reader(self, least: int, *, cut_off: int = 0) -> Iterator[None]:
        """Searches all the time; fails when it ever sees fewer documents, or nothing under the name.

        So many may be `cut_off`: of an index that is deleted while they look at it.
        """
        seen: list[Any] = []
        over = threading.Event()

        def read() -> None:
            while not over.is_set():
                status, answer = self.server.request("GET", f"/{self.name}/_count")
                seen.append((status, answer.get("count")))

        thread = threading.Thread(target=read)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
        assert len(seen) > 3
        wrong = [(status, count) for status, count in seen if status != 200 or count < least]
        assert wrong == [(503, None)] * min(len(wrong), cut_off)

    def assert_as_if_nothing_had_happened(self, shown: str, *kept: str) -> None:
        """Fails unless the index is complete, its settings are set back, and only what is kept is there beside it."""
        assert self.shown() == {shown}
        assert self.generations() == sorted([shown, *kept])
        settings = self.settings(shown)
        assert settings["index.number_of_replicas"] == "1"
        assert "index.refresh_interval" not in settings
        assert "index.auto_expand_replicas" not in settings
        says = self.headrace(shown)
        assert says is not None
        assert (says["is_building"], says["settings"]) == (False, None)
        assert count_of(self.client, self.name) == len(IDS)
