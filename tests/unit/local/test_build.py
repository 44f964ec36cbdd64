"""Which binary a cluster runs."""

from pathlib import Path

import pytest

from headrace_local.errors import LocalError
from headrace_local.machine import build


def silent(_: str) -> None:
    return


def test_the_digest_follows_the_sources_and_not_their_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("go.mod", "main.go", "sub/a.go"):
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(build, "SOURCES", tmp_path)
    before = build.digest()
    (tmp_path / "sub/a_test.go").write_text("x")
    (tmp_path / "README.md").write_text("x")
    assert build.digest() == before
    (tmp_path / "sub/a.go").rename(tmp_path / "sub/b.go")
    assert build.digest() != before


def test_a_given_binary_is_taken_and_checked(tmp_path: Path) -> None:
    given = tmp_path / "mine"
    given.write_text("")
    with pytest.raises(LocalError, match="not a program"):
        build.binary(silent, {"HEADRACE_CLUSTER_BINARY": str(given)})
    given.chmod(0o755)
    assert build.binary(silent, {"HEADRACE_CLUSTER_BINARY": str(given)}) == given


def test_a_cached_binary_is_not_built_again(tmp_path: Path) -> None:
    cached = tmp_path / "headrace" / f"cluster-{build.digest()}" / "headrace-cluster"
    cached.parent.mkdir(parents=True)
    cached.write_text("")
    assert build.binary(silent, {"XDG_CACHE_HOME": str(tmp_path)}) == cached


def test_without_sources_the_answer_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "SOURCES", tmp_path)
    with pytest.raises(LocalError, match="use a checkout"):
        build.binary(silent, {"XDG_CACHE_HOME": str(tmp_path)})
