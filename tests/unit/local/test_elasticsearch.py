"""How a local Elasticsearch is put together, as whom it runs, and what is said when something is missing."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from headrace_local.elasticsearch import home as elasticsearch_home
from headrace_local.elasticsearch import node as elasticsearch
from headrace_local.elasticsearch.node import Node, check_heap, place
from headrace_local.errors import LocalError
from headrace_local.machine import searchservers
from headrace_local.unprivileged import knows_nobody


def silent(_: str) -> None:
    return


@pytest.mark.parametrize("heap", ["512m", "1g", "2048m"])
def test_a_heap_is_taken_as_java_writes_it(heap):
    assert check_heap(heap) == heap


@pytest.mark.parametrize("heap", ["", "0m", "512", "1G", "1.5g", "-1g", "1g -XX:Evil", "512mb"])
def test_another_heap_is_refused_with_an_example(heap):
    with pytest.raises(LocalError, match="such as 512m or 1g"):
        check_heap(heap)


@pytest.mark.parametrize(
    ("euid", "uid_map", "expected"),
    [
        (0, "0 0 4294967295", True),
        (1000, "0 0 4294967295", False),
        # In the user namespace that an ordinary user makes, only that user is known.
        (0, "0 1000 1", False),
        (0, "0 1000 1\n1 100000 65536", True),
    ],
)
def test_root_starts_it_as_nobody_where_the_kernel_knows_nobody(euid, uid_map, expected):
    assert knows_nobody(euid, uid_map) is expected


def test_what_a_node_may_see_is_shown_where_nothing_of_it_lies():
    assert place((Path("/home/somebody/.cache"), Path("/mnt-data/x"))) == Path("/mnt")
    assert place((Path("/mnt/disk/checkout"),)) == Path("/media")
    with pytest.raises(LocalError, match="nothing of Headrace below it"):
        place((Path("/mnt/a"), Path("/media/b")))


def test_a_node_listens_on_loopback_only_and_keeps_all_it_writes_in_its_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(elasticsearch, "can_be_nobody", lambda: False)
    elasticsearch.prepare(Node(tmp_path / "home", tmp_path / "node", 20001, 20002))
    lines = (tmp_path / "node/config/elasticsearch.yml").read_text().splitlines()
    config = dict(line.split(": ") for line in lines if not line.startswith("#"))
    assert (config["network.host"], config["http.port"], config["transport.port"]) == ("127.0.0.1", "20001", "20002")
    assert {config["path.data"], config["path.logs"]} == {f"{tmp_path}/node/data", f"{tmp_path}/node/logs"}


def test_without_maven_the_answer_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LocalError, match=r"apt install maven.*HEADRACE_ELASTICSEARCH_URL"):
        elasticsearch_home.home(silent, {"XDG_CACHE_HOME": str(tmp_path)})


def test_without_zstd_the_answer_says_what_to_install(monkeypatch):
    def fail(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(elasticsearch.ctypes, "CDLL", fail)
    with pytest.raises(LocalError, match="apt install libzstd1"):
        elasticsearch.zstd()


def test_without_sources_the_answer_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(elasticsearch_home, "SOURCES", tmp_path)
    with pytest.raises(LocalError, match="use a checkout"):
        elasticsearch_home.home(silent, {"XDG_CACHE_HOME": str(tmp_path)})


def test_a_given_home_is_taken_and_checked(tmp_path):
    environ = {"HEADRACE_ELASTICSEARCH_HOME": str(tmp_path)}
    with pytest.raises(LocalError, match="not what"):
        elasticsearch_home.home(silent, environ)
    (tmp_path / "classes").mkdir()
    assert elasticsearch_home.home(silent, environ) == tmp_path


def test_a_jar_that_is_not_the_known_one_is_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr(elasticsearch_home, "SOURCES", tmp_path)
    (tmp_path / "jars.sha256").write_text(f"{'0' * 64}  a.jar\n{'0' * 64}  gone.jar\n")
    jars = tmp_path / "jars"
    jars.mkdir()
    for name in ("a.jar", "stranger.jar"):
        (jars / name).write_text(name)
    with pytest.raises(LocalError, match=r"a\.jar, gone\.jar, stranger\.jar$"):
        elasticsearch_home._check(jars)


def test_the_sums_are_those_of_the_version_in_the_pom():
    names = (elasticsearch_home.SOURCES / "jars.sha256").read_text()
    assert f"  elasticsearch-{elasticsearch_home.version()}.jar" in names


# Puts together what takes a second, and says when it is in the middle of it.
BUILD = """
import sys, time
from pathlib import Path
from headrace_local.elasticsearch import home as elasticsearch_home
def fetch(maven, into):
    (into / "ecj-1.jar").write_text("")
    print("fetching", flush=True)
    time.sleep(1)
elasticsearch_home._fetch = fetch
elasticsearch_home._check = elasticsearch_home._transport = lambda *a: None
elasticsearch_home._compile = lambda sources, jars, target: target.mkdir()
elasticsearch_home._root = lambda *a: None
elasticsearch_home.shutil.which = lambda name: name
print(elasticsearch_home.home(print, {"XDG_CACHE_HOME": sys.argv[1]}))
"""


def build(cache: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", BUILD, str(cache)], stdout=subprocess.PIPE, text=True)


def test_two_builds_at_once_make_one(tmp_path):
    both = [build(tmp_path), build(tmp_path)]
    said = [process.communicate(timeout=30)[0] for process in both]
    assert sum("fetching" in text for text in said) == 1
    assert len({text.splitlines()[-1] for text in said}) == 1
    assert Path(said[0].splitlines()[-1], "classes").is_dir()


def test_a_build_that_died_in_the_middle_leaves_nothing_that_is_taken_for_a_home(tmp_path):
    first = build(tmp_path)
    assert first.stdout
    while first.stdout.readline() != "fetching\n":
        time.sleep(0)
    first.kill()
    first.wait()
    first.stdout.close()
    assert list(tmp_path.glob("headrace/*/home")) == []
    assert "fetching" in build(tmp_path).communicate(timeout=30)[0]
    assert [path.name for path in tmp_path.glob("headrace/*/*")] in (["home", "lock"], ["lock", "home"])


def test_the_server_that_the_environment_names_is_used_with_its_credentials(tmp_path):
    environ = {"HEADRACE_ELASTICSEARCH_URL": "https://search:9200", "HEADRACE_ELASTICSEARCH_API_KEY": "secret"}
    chosen = searchservers.choose(tmp_path, "512m", silent, environ)
    assert (chosen.url, chosen.node, chosen.credentials) == ("https://search:9200", None, {"api-key": "secret"})
