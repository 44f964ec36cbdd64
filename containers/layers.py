"""What the layers of an image hold; the build stages of the Dockerfile run it, with nothing but the standard library.

    layers.py tools                     pip and the build backend, beside the builder's own Python
    layers.py dependencies ROLE LAYER   the libraries that a role needs, and `python`
    layers.py wheel FOLDER              the project as a wheel
    layers.py code ROLE WHEEL LAYER     the project's own packages that a role needs
    layers.py base                      in the image itself: fits what was there to programs that only run

A layer is a folder that is copied onto `/`. The same inputs give the same bytes: all files have one time and one mode,
and bytecode is bound to its source by neither time nor path of the build.
"""

import compileall
import os
import py_compile
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import cache_from_source
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Any

PREFIX = Path("opt/headrace")
"""Where everything of ours is in an image, below `/`."""
SITE = PREFIX / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
TOOLS = Path("/opt/tools")
EXTRAS = {"api": "api", "operator": "operator", "runner": None}
"""The base dependencies are the runner's, and all that it has."""
CONNECTORS = {"elasticsearch"}
"""Base dependencies that only the runner imports."""
PACKAGES = {
    "api": {"headrace", "headrace_api"},
    "operator": {"headrace", "headrace_operator"},
    "runner": {"headrace", "headrace_runner"},
}
OLDEST = 315_532_800
"""1980-01-01: a zip file knows no earlier time."""
# What pip notes about its own work; licences and versions stay, by which scanners know what is installed.
NOTES = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
# Nothing at run time imports them.
UNUSED = {"test", "tests", "idlelib", "lib2to3", "tkinter", "turtledemo", "ensurepip", "pydoc_data", "site-packages"}
# 110 MB of modules, each imported when its class is asked for; we ask for none: our client sends and gets JSON.
GENERATED = ("client/api", "client/models", "aio/client/api", "aio/client/models")
INSTALLERS = ("pip", "setuptools", "wheel", "pkg_resources", "_distutils_hack")


def tools() -> None:
    """Makes the environment that the other commands use."""
    try:
        venv.create(TOOLS, with_pip=True, symlinks=True)
    except subprocess.CalledProcessError:
        sys.exit("The builder's Python can't make virtual environments. On Debian: apt-get install python3-venv")
    _pip("install", "--constraint", "constraints.txt", "hatchling")


def dependencies(role: str, layer: Path) -> None:
    """No source distribution: nobody's setup.py runs, and no compiler is asked for."""
    wanted = requirements(tomllib.loads(Path("pyproject.toml").read_text()), role)
    _pip("install", "--only-binary", ":all:", "--constraint", "constraints.txt", *_into(layer), *wanted)
    environment(layer, os.environ.get("PYTHON") or os.path.realpath(sys.executable))
    thin(layer / SITE)
    finish(layer)


def wheel(folder: Path) -> None:
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), ".")


def code(role: str, folder: Path, layer: Path) -> None:
    _pip("install", "--no-deps", *_into(layer), *map(str, folder.glob("*.whl")))
    for package in (layer / SITE).iterdir():
        if package.suffix != ".dist-info" and package.name not in PACKAGES[role] | {"bin"}:
            shutil.rmtree(package)
    finish(layer)


def base(paths: Mapping[str, str]) -> None:
    """By the image's own Python, so that it is the right one whatever the builder's is."""
    library, sites = Path(paths["stdlib"]), {Path(paths["purelib"]), Path(paths["platlib"])}
    with _times_kept(library, *sites, Path(paths["scripts"])):
        strip(sites, Path(paths["scripts"]), library)
        compile_library(library)


def strip(sites: Iterable[Path], scripts: Path, library: Path) -> None:
    """An image that runs one program installs nothing; scanners need not look at what would."""
    for found in (found for site in sites for name in INSTALLERS for found in _named(site, name)):
        shutil.rmtree(found)
    for script in (script for pattern in ("pip", "pip[0-9]*", "wheel") for script in scripts.glob(pattern)):
        script.unlink()
    shutil.rmtree(library / "ensurepip", ignore_errors=True)


def compile_library(library: Path) -> None:
    """Official Python images come without bytecode, and a read-only root would have each start compile it again."""
    for source in sorted(library.rglob("*.py")):
        compiled = Path(cache_from_source(source))
        if not compiled.exists() and not UNUSED.intersection(source.relative_to(library).parts):
            # Checked: whoever builds on the image may bring a library of another patch level.
            py_compile.compile(str(source), str(compiled), invalidation_mode=PycInvalidationMode.CHECKED_HASH)
            for path in (compiled, compiled.parent):
                os.utime(path, (OLDEST, OLDEST))


def requirements(pyproject: dict[str, Any], role: str) -> list[str]:
    """What pyproject.toml lists for a role."""
    project, extra = pyproject["project"], EXTRAS[role]
    if extra is None:
        return list(project["dependencies"])
    base = [line for line in project["dependencies"] if re.split(r"\W", line)[0] not in CONNECTORS]
    return [*base, *project["optional-dependencies"][extra]]


def thin(site: Path) -> None:
    """Takes out what is big and never imported; fails when it is not where it was, for then nobody knows."""
    if not (site / "kubernetes").exists():
        return
    for folder in (site / "kubernetes" / name for name in GENERATED):
        (folder / "__init__.py").stat()
        for module in folder.glob("[!_]*.py"):
            module.unlink()


def environment(layer: Path, python: str) -> None:
    """A virtual environment by hand: `python` is on the PATH, and imports neither pip nor what else the base brings."""
    binaries = layer / PREFIX / "bin"
    binaries.mkdir(parents=True, exist_ok=True)
    for name in ("python", "python3"):
        (binaries / name).symlink_to(python)
    settings = {"home": Path(python).parent, "include-system-site-packages": "false"}
    (layer / PREFIX / "pyvenv.cfg").write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))


def finish(layer: Path) -> None:
    """Removes what depends on the build, compiles, and settles times and modes."""
    site = layer / SITE
    # Programs of the libraries: nobody calls them, and they would name the builder's Python.
    shutil.rmtree(site / "bin", ignore_errors=True)
    for note in (note for name in NOTES for note in site.glob(f"*.dist-info/{name}")):
        note.unlink()
    # Unchecked: nobody changes a file of an image. Files that are templates, not programs, do not compile.
    compileall.compile_dir(
        site, quiet=2, force=True, stripdir=str(layer), prependdir="/",
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
    )  # fmt: skip
    settle(layer)


def settle(layer: Path) -> None:
    """One time and one mode for everything, whatever the builder's umask and clock."""
    for path in [*layer.rglob("*"), layer]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (OLDEST, OLDEST), follow_symlinks=False)


def _named(site: Path, name: str) -> list[Path]:
    return [found for pattern in (name, f"{name}-*.dist-info") for found in site.glob(pattern)]


@contextmanager
def _times_kept(*roots: Path) -> Iterator[None]:
    """Folders keep their times while files come and go in them."""
    folders = [folder for root in roots for folder in (root, *root.rglob("*")) if folder.is_dir()]
    before = {folder: folder.stat().st_mtime for folder in folders}
    yield
    for folder, time in before.items():
        if folder.exists():
            os.utime(folder, (time, time))


def _into(layer: Path) -> list[str]:
    return ["--no-compile", "--target", str(layer / SITE)]


def _pip(*arguments: str) -> None:
    options = ("--no-cache-dir", "--no-input", "--disable-pip-version-check", "--quiet")
    done = subprocess.run([TOOLS / "bin/python", "-m", "pip", *arguments, *options], check=False)
    if done.returncode != 0:
        sys.exit(f"pip {arguments[0]} failed: see above")


def main(command: str, *arguments: str) -> None:
    """Runs one command of those above."""
    steps: dict[str, Callable[[], None]] = {
        "tools": tools,
        "dependencies": lambda: dependencies(arguments[0], Path(arguments[1])),
        "wheel": lambda: wheel(Path(arguments[0])),
        "code": lambda: code(arguments[0], Path(arguments[1]), Path(arguments[2])),
        "base": lambda: base(sysconfig.get_paths()),
    }
    steps[command]()


if __name__ == "__main__":
    main(*sys.argv[1:])
