"""An Elasticsearch whose password is changed while a run is at work: the run waits for the new one."""

import base64
import json
import threading
from pathlib import Path

import pytest
from tests.integration.runner.elasticsearch.faultproxy import FaultProxy

QUERY = "SELECT id, v FROM rows"
PACE = {"look_seconds": 0.05, "again_seconds": 0.3, "rotation_seconds": 20.0}
REFUSED = json.dumps({"error": {"type": "security_exception", "reason": "unable to authenticate"}, "status": 401})


class Guard(FaultProxy):
    """Takes one password of `u`, and another one after so many requests."""

    def __init__(self, url: str, file: Path, *, after: int) -> None:
        super().__init__(url)
        self._file, self._left = file, after
        self.password = "old-secret"
        self.write()

    def write(self) -> None:
        """The file says what is taken now."""
        self._file.write_text(json.dumps({"url": self.url, "username": "u", "password": self.password}))

    def forward(self, method, path, body, headers):
        self._left -= 1
        if self._left == 0:
            self.password = "new-secret"
            threading.Timer(0.5, self.write).start()
        wanted = base64.b64encode(f"u:{self.password}".encode()).decode()
        if headers.get("Authorization") != f"Basic {wanted}":
            return 401, REFUSED.encode()
        return super().forward(method, path, body, headers)


@pytest.mark.parametrize("after", [1, 3, 12], ids=["at once", "before the first rows", "between two batches"])
def test_a_run_waits_for_the_new_password(index_rig, tmp_path, after):
    index_rig.on_source(
        "CREATE TABLE rows (id int PRIMARY KEY, v text)",
        "INSERT INTO rows SELECT n, 'v' FROM generate_series(1, 2000) n",
    )
    guard = Guard(index_rig.url, tmp_path / "elasticsearch", after=after)
    try:
        spec = index_rig.spec(QUERY, batch_size=100)
        ended = index_rig.run(spec, elasticsearch=tmp_path / "elasticsearch", **PACE)
    finally:
        guard.close()
    assert (ended.code, ended.outcome, ended.rows_read) == (0, "DONE", 2000), ended
    assert any(line.endswith("waiting for other credentials") for line in ended.log)
    assert "secret" not in str(ended)
    index_rig.assert_same(QUERY)


def test_one_that_waited_in_vain_fails_as_ever(index_rig, tmp_path):
    index_rig.on_source("CREATE TABLE rows (id int PRIMARY KEY, v text)")
    guard = Guard(index_rig.url, tmp_path / "elasticsearch", after=0)
    guard.password = "another-secret"
    try:
        ended = index_rig.run(
            index_rig.spec(QUERY), elasticsearch=tmp_path / "elasticsearch", **PACE | {"rotation_seconds": 1.0}
        )
    finally:
        guard.close()
    assert (ended.code, ended.outcome) == (64, "FAILED")
    assert ended.message.startswith("Elasticsearch: the API key, or user name and password, is not accepted")


def test_a_preview_shows_the_index_that_would_be_made(index_rig):
    index_rig.on_source("CREATE TABLE rows (id int PRIMARY KEY, v text)", "INSERT INTO rows VALUES (1, 'x')")
    look = {"kind": "Preview", "preview_rows": 5, "key_columns": ()}
    result = index_rig.run(index_rig.spec(QUERY, **look)).result
    keyword = {"type": "keyword", "ignore_above": 256}
    mapping = {"properties": {"id": {"type": "integer"}, "v": {"type": "text", "fields": {"keyword": keyword}}}}
    assert result["target"] == {"kind": "elasticsearch", "exists": False, "ddl": None, "mapping": mapping}
    assert (result["rows"], result["key_columns"], result["note"]) == ([["1", "x"]], ["id"], None)
    assert index_rig.call("GET", f"/_cat/indices/{index_rig.index}*?format=json") == []
    index_rig.load(QUERY)
    assert index_rig.run(index_rig.spec(QUERY, **look)).result["target"]["exists"] is True
    without = index_rig.run(index_rig.spec("SELECT v FROM rows", **look)).result
    assert without["note"] == ("The documents of an index need a key: set key_columns to columns that identify a row")
