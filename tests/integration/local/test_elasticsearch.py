"""The Elasticsearch of tests and demo: a real one, not as root, that keeps its data."""

import os
import signal
from pathlib import Path

import pytest


def test_it_is_an_elasticsearch_that_clients_know(elasticsearch):
    status, body = elasticsearch.request("GET", "/")
    assert (status, body["version"]["number"].split(".")[0]) == (200, "9")
    assert body["tagline"] == "You Know, for Search"
    assert elasticsearch.request("HEAD", "/") == (200, None)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_indexed_is_found_also_after_a_restart(elasticsearch, how):
    index = elasticsearch.fresh_index()
    lines = "".join(f'{{"index":{{"_id":"{n}"}}}}\n{{"title":"film {n}"}}\n' for n in range(100))
    status, answer = elasticsearch.request("POST", f"/{index}/_bulk?refresh=true", lines)
    assert (status, answer["errors"]) == (200, False)
    elasticsearch.restart(how)
    status, answer = elasticsearch.request(
        "POST", f"/{index}/_search", {"query": {"match_phrase": {"title": "film 7"}}}
    )
    assert (status, [hit["_id"] for hit in answer["hits"]["hits"]]) == (200, ["7"])
    assert elasticsearch.request("GET", f"/{index}/_count")[1]["count"] == 100


def test_an_index_can_be_compressed_well(elasticsearch):
    """What needs the system's zstd: without it such an index is never there."""
    index = elasticsearch.fresh_index()
    settings = {"settings": {"index.codec": "best_compression", "number_of_replicas": 0}}
    assert elasticsearch.request("PUT", f"/{index}", settings)[0] == 200
    assert elasticsearch.request("PUT", f"/{index}/_doc/1?refresh=true", {"n": 1})[0] == 201


def test_it_runs_as_somebody_who_is_not_root_and_may_do_nothing_special(elasticsearch):
    if not hasattr(elasticsearch, "own"):
        pytest.skip("HEADRACE_ELASTICSEARCH_URL names a server elsewhere")
    lines = Path(f"/proc/{elasticsearch.own.pid}/status").read_text().splitlines()
    status = {name: words.split() for name, _, words in (line.partition(":") for line in lines)}
    assert "java" in status["Name"][0]
    assert "0" not in status["Uid"] + status["Gid"]
    assert int(status["CapEff"][0], 16) == 0
    if os.geteuid() == 0:
        assert status["Groups"] == []
        assert int(status["CapBnd"][0], 16) == 0


def test_it_can_not_change_what_root_reads_or_writes_for_it(elasticsearch):
    if not hasattr(elasticsearch, "own") or os.geteuid() != 0:
        pytest.skip("only where root starts it")
    folder = elasticsearch.own.node.folder
    owners = {path.name: path.stat().st_uid for path in folder.iterdir()}
    assert {name for name, uid in owners.items() if uid != 0} == {"data", "logs", "tmp"}
    assert {path.stat().st_uid for path in (folder / "config").iterdir()} == {0}
