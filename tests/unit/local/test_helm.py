"""Which Helm is used."""

from pathlib import Path

import pytest

from headrace_local import programs
from headrace_local.chart import helm
from headrace_local.errors import LocalError


def silent(_: str) -> None:
    return


def program(path: Path, says: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def test_a_given_program_is_taken_and_checked(tmp_path: Path) -> None:
    given = tmp_path / "mine"
    given.write_text("")
    with pytest.raises(LocalError, match="HEADRACE_HELM"):
        helm.binary(silent, {"HEADRACE_HELM": str(given)})
    given.chmod(0o755)
    assert helm.binary(silent, {"HEADRACE_HELM": str(given)}) == given


@pytest.mark.parametrize(("says", "is_taken"), [("v4.0.1+gabc", True), ("v3.19.0+gabc", False), ("nonsense", False)])
def test_the_machines_own_is_taken_when_it_is_new_enough(tmp_path: Path, says: str, is_taken: bool) -> None:
    own = program(tmp_path / "bin/helm", says)
    built = program(tmp_path / "headrace" / f"helm-{programs.digest(helm.SOURCES)}" / "helm", "v4")
    found = helm.binary(silent, {"PATH": str(own.parent), "XDG_CACHE_HOME": str(tmp_path)})
    assert found == (own if is_taken else built)


def test_without_its_module_the_answer_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helm, "SOURCES", tmp_path)
    with pytest.raises(LocalError, match="install Helm 4"):
        helm.binary(silent, {"XDG_CACHE_HOME": str(tmp_path), "PATH": ""})


def test_the_version_is_that_of_the_module() -> None:
    assert helm.version().startswith("v4.")


def test_what_helm_says_is_the_error(tmp_path: Path) -> None:
    failing = tmp_path / "helm"
    failing.write_text("#!/bin/sh\necho no such release >&2\nexit 1\n")
    failing.chmod(0o755)
    with pytest.raises(helm.HelmError, match="no such release"):
        helm.Helm(failing, "/dev/null", "headrace", tmp_path).run("status", "x")
