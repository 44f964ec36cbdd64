"""The images of the roles, built with the builder that the machine has: `python -m headrace_local.chart.images`."""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from headrace_local.errors import LocalError

SOURCES = Path(__file__).resolve().parents[3]
ROLES = ("api", "operator", "runner")
ENGINES = ("docker", "podman", "buildah")
"""In the order in which they are looked for."""
EPOCH = "315532800"
"""1980-01-01, for all that carries a time: the same sources give the same layers, whenever they are built."""
_ANSWER_WITHIN = 20


@dataclass(frozen=True, slots=True)
class Engine:
    """A program that builds images out of a Dockerfile."""

    name: str

    def command(self, role: str, image: str, revision: str, options: Sequence[str] = ()) -> list[str]:
        """How it builds one role; `options` are its own, such as `--build-arg BASE=…`."""
        # BuildKit takes the time as an argument, the others as an option; those make one layer of all unless asked.
        times = ["--build-arg", f"SOURCE_DATE_EPOCH={EPOCH}"]
        if self.name != "docker":
            times = ["--timestamp", EPOCH, "--layers"]
        # Not the argument REVISION: Buildah takes a label from its cache, whatever the argument is now.
        label = ["--label", f"org.opencontainers.image.revision={revision}"]
        return [self.name, "build", "--target", role, "--tag", image, *times, *label, *options, "."]


def find(wanted: str | None, environ: Mapping[str, str] = os.environ) -> Engine:
    """The engine that is asked for, or else the first that is there and answers; LocalError says what is missing."""
    if wanted and wanted not in ENGINES:
        raise LocalError(f"ENGINE={wanted}: want one of {', '.join(ENGINES)}")
    problems = []
    for name in (wanted,) if wanted else ENGINES:
        if problem := _problem(name, environ):
            problems.append(problem)
        else:
            return Engine(name)
    raise LocalError("; ".join(problems))


def _problem(name: str, environ: Mapping[str, str]) -> str:
    if not shutil.which(name, path=environ.get("PATH")):
        return f"{name} is not installed"
    # The other two work without a server.
    if name == "docker" and not _answers(environ):
        return "docker is installed, but no engine answers it: start Docker, or point DOCKER_HOST to one"
    return ""


def _answers(environ: Mapping[str, str]) -> bool:
    asked = ["docker", "version", "--format", "{{.Server.Version}}"]
    try:
        done = subprocess.run(asked, env=environ, capture_output=True, timeout=_ANSWER_WITHIN, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def version() -> str:
    """Of the checkout."""
    found: str = tomllib.loads((_checkout() / "pyproject.toml").read_text())["project"]["version"]
    return found


def name_of(role: str, tag: str, registry: str = "") -> str:
    """`registry/headrace/role:tag`."""
    return f"{registry.rstrip('/')}/headrace/{role}:{tag}".removeprefix("/")


def build(engine: Engine, images: Mapping[str, str], options: Sequence[str] = ()) -> None:
    """Builds each role's image; the builder tells what it does. LocalError when it fails."""
    revision = _revision()
    for role, image in images.items():
        print(f"building {image} with {engine.name} …", file=sys.stderr, flush=True)
        command = engine.command(role, image, revision, options)
        if subprocess.run(command, cwd=_checkout(), check=False).returncode != 0:
            raise LocalError(f"{engine.name} could not build {image}: see above")


def _checkout() -> Path:
    if not (SOURCES / "Dockerfile").is_file():
        raise LocalError(f"images are built from a checkout of Headrace, and {SOURCES} is none")
    return SOURCES


def _revision() -> str:
    """The commit, with `-dirty` when the sources differ from it; empty where nobody knows."""
    asked = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(asked, cwd=SOURCES, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def main(
    context: typer.Context,
    engine: Annotated[str, typer.Option(envvar="ENGINE", help="docker, podman or buildah; else what is there.")] = "",
    registry: Annotated[str, typer.Option(help="What the names begin with, such as registry.example/team.")] = "",
    tag: Annotated[str, typer.Option(help="The version, unless given.")] = "",
    role: Annotated[list[str] | None, typer.Option(help="Only this one; repeatable.")] = None,
) -> None:
    """Build the images headrace/api, headrace/operator and headrace/runner; other options go to the builder."""
    try:
        if unknown := set(role or ()) - set(ROLES):
            raise LocalError(f"--role {', '.join(sorted(unknown))}: want one of {', '.join(ROLES)}")
        images = {name: name_of(name, tag or version(), registry) for name in role or ROLES}
        build(find(engine or None), images, context.args)
    except LocalError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    print("\n".join(images.values()))


if __name__ == "__main__":
    app(prog_name="python -m headrace_local.chart.images")
