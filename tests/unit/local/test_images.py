"""Which builder makes the images, and what it is asked for."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from headrace_local.chart import images
from headrace_local.errors import LocalError

Program = Callable[[str, str], dict[str, str]]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Puts a shell script on an otherwise empty PATH, and returns the environment."""

    def make(name: str, script: str = "") -> dict[str, str]:
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return {"PATH": str(path.parent)}

    return make


def test_without_a_builder_the_sentence_names_those_that_would_do(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="docker is not installed; podman is not installed; buildah is not"):
        images.find(None, {"PATH": str(tmp_path)})


def test_a_builder_that_is_asked_for_has_to_be_there(program: Program) -> None:
    environ = program("buildah", "")
    with pytest.raises(LocalError, match=r"^podman is not installed$"):
        images.find("podman", environ)
    with pytest.raises(LocalError, match="want one of docker, podman, buildah"):
        images.find("nerdctl", environ)


def test_a_docker_without_an_engine_is_passed_over_and_named_when_asked_for(program: Program) -> None:
    program("docker", "echo 'Cannot connect to the Docker daemon at tcp://secret' >&2; exit 1")
    environ = program("podman", "")
    assert images.find(None, environ).name == "podman"
    with pytest.raises(LocalError, match="no engine answers it: start Docker") as raised:
        images.find("docker", environ)
    assert "secret" not in str(raised.value)


def test_a_docker_that_answers_is_taken_first(program: Program) -> None:
    program("podman", "")
    assert images.find(None, program("docker", "echo 28.2.2")).name == "docker"


def test_all_builders_are_told_the_same_time() -> None:
    docker, podman, buildah = (
        images.Engine(name).command("api", "headrace/api:1", "abc", ["--build-arg", "BASE=b"])
        for name in images.ENGINES
    )
    end = ["--label", "org.opencontainers.image.revision=abc", "--build-arg", "BASE=b", "."]
    start = ["build", "--target", "api", "--tag", "headrace/api:1"]
    assert docker == ["docker", *start, "--build-arg", "SOURCE_DATE_EPOCH=315532800", *end]
    assert podman == ["podman", *start, "--timestamp", "315532800", "--layers", *end]
    assert buildah == ["buildah", *podman[1:]]


def test_an_image_is_named_after_its_role_and_the_version() -> None:
    version = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]["version"]
    assert images.name_of("api", images.version()) == f"headrace/api:{version}"
    assert images.name_of("api", "2", "registry.example/team/") == "registry.example/team/headrace/api:2"


def test_a_build_that_fails_ends_with_a_sentence(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", program("podman", "exit 125")["PATH"])
    with pytest.raises(LocalError, match="podman could not build headrace/api:1: see above"):
        images.build(images.Engine("podman"), {"api": "headrace/api:1"})


def test_outside_of_a_checkout_nothing_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "SOURCES", tmp_path)
    with pytest.raises(LocalError, match="built from a checkout"):
        images.version()
