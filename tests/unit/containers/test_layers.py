"""What images hold: the same bytes whenever they are built, and nothing that a role does not use."""

import importlib.util
import json
import marshal
import os
import py_compile
import shutil
import subprocess
import sys
import time
import tomllib
from importlib.util import cache_from_source
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("layers", ROOT / "containers" / "layers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


layers = _load()


def _names(role: str) -> set[str]:
    return {line.split(">")[0].split("[")[0] for line in layers.requirements(PYPROJECT, role)}


def test_the_runner_gets_the_base_dependencies_and_nothing_else():
    assert layers.requirements(PYPROJECT, "runner") == PYPROJECT["project"]["dependencies"]
    assert not _names("runner") & {"kopf", "kubernetes", "fastapi", "pydantic"}


def test_operator_and_api_get_what_they_import():
    operator, api = _names("operator"), _names("api")
    assert ("kopf" in operator, "fastapi" in operator) == (True, False)
    assert ("kopf" in api, "fastapi" in api) == (False, True)
    assert not (operator | api) & layers.CONNECTORS
    assert "psycopg" in operator & api


_IMPORT_ALL = """if True:
    import importlib, pkgutil, sys
    blocked, emptied = (argument.split(",") for argument in sys.argv[1:3])
    class Missing:
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] in blocked or name.rpartition(".")[0] in emptied:
                raise ModuleNotFoundError(f"not in the image: {name}", name=name)
    sys.meta_path.insert(0, Missing())
    for package in sys.argv[3:]:
        for found in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
            if not found.name.endswith("__main__"):
                importlib.import_module(found.name)
    print(len(sys.modules))
"""


@pytest.mark.parametrize(
    ("role", "libraries"),
    [
        ("api", ["kopf", "elasticsearch"]),
        ("operator", ["fastapi", "uvicorn", "jwt", "limits", "psutil", "elasticsearch"]),
    ],
)
def test_what_is_taken_out_is_imported_by_no_module_of_the_role(role: str, libraries: list[str]) -> None:
    emptied = ",".join("kubernetes." + folder.replace("/", ".") for folder in layers.GENERATED)
    others = sorted(set().union(*layers.PACKAGES.values()) - layers.PACKAGES[role])
    blocked = ",".join([*libraries, *others, "headrace_local"])
    command = [sys.executable, "-c", _IMPORT_ALL, blocked, emptied, *sorted(layers.PACKAGES[role])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_taking_out_leaves_the_packages_and_fails_when_a_library_has_changed(tmp_path: Path) -> None:
    for folder in layers.GENERATED:
        (tmp_path / "kubernetes" / folder).mkdir(parents=True)
        for name in ("__init__.py", "v1_pod.py"):
            (tmp_path / "kubernetes" / folder / name).write_text("")
    layers.thin(tmp_path)
    assert {path.name for path in tmp_path.rglob("*.py")} == {"__init__.py"}
    shutil.rmtree(tmp_path / "kubernetes" / layers.GENERATED[-1])
    with pytest.raises(FileNotFoundError, match="aio/client/models"):
        layers.thin(tmp_path)
    layers.thin(tmp_path / "without-kubernetes")


_PROGRAM = """if True:
    import importlib.util, json, sys
    print(json.dumps([sys.prefix, [name for name in ("ours", "pip", "psycopg") if importlib.util.find_spec(name)]]))
"""


def test_python_is_on_the_path_and_imports_nothing_but_its_own(tmp_path: Path) -> None:
    layers.environment(tmp_path, os.path.realpath(sys.executable))
    site = tmp_path / layers.SITE
    site.mkdir(parents=True)
    (site / "ours.py").write_text("")
    path = f"{tmp_path / layers.PREFIX}/bin"
    for name in ("python", "python3"):
        said = subprocess.check_output([f"{path}/{name}", "-c", _PROGRAM], env={"PATH": path}, text=True)
        assert json.loads(said) == [str(tmp_path / layers.PREFIX), ["ours"]]


def _site(layer: Path) -> Path:
    """As pip leaves it."""
    site: Path = layer / layers.SITE
    for name, text in {
        "library/__init__.py": "KINDS = frozenset(('a', 'b', 'c'))\n",
        "library/template.py": "class {{ name }}: pass\n",
        "library-1.dist-info/METADATA": "Name: library\n",
        "library-1.dist-info/RECORD": str(layer),
        "library-1.dist-info/direct_url.json": str(layer),
        "bin/program": f"#!{sys.executable}\n",
    }.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)
    return site


def _bytes(layer: Path) -> dict[str, Any]:
    return {
        str(path.relative_to(layer)): (
            path.stat().st_mode,
            path.stat().st_mtime,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(layer.rglob("*"))
    }


def test_two_builds_give_the_same_bytes(tmp_path: Path) -> None:
    found = []
    for name, mask in (("one", 0o022), ("another", 0o077)):
        old = os.umask(mask)
        try:
            layer = tmp_path / name
            _site(layer)
            layers.finish(layer)
        finally:
            os.umask(old)
        found.append(_bytes(layer))
        time.sleep(0.01)
    assert found[0] == found[1]
    assert {time for _, time, _ in found[0].values()} == {layers.OLDEST}


def test_notes_and_programs_go_and_what_scanners_read_stays(tmp_path: Path) -> None:
    site = _site(tmp_path)
    layers.finish(tmp_path)
    compiled = Path(cache_from_source("__init__.py")).name
    assert {str(path.relative_to(site)) for path in site.rglob("*") if path.is_file()} == {
        "library/__init__.py",
        f"library/__pycache__/{compiled}",
        "library/template.py",
        "library-1.dist-info/METADATA",
    }


def test_bytecode_is_taken_without_a_look_at_the_source_and_names_the_place_in_the_image(tmp_path: Path) -> None:
    site = _site(tmp_path)
    layers.finish(tmp_path)
    (site / "library/__init__.py").write_text("KINDS = 'changed'\n")
    program = "import library; print(sorted(library.KINDS))"
    environ = os.environ | {"PYTHONPATH": str(site)}
    assert subprocess.check_output([sys.executable, "-c", program], env=environ, text=True) == "['a', 'b', 'c']\n"
    # Of a pyc: https://peps.python.org/pep-0552/
    compiled = Path(cache_from_source(site / "library/__init__.py")).read_bytes()
    assert marshal.loads(compiled[16:]).co_filename == f"/{layers.SITE}/library/__init__.py"


def _base(folder: Path, *names: str) -> dict[str, str]:
    """Where a Python has its parts, as sysconfig tells; with these files in them, an hour old."""
    paths = {name: str(folder / name) for name in ("purelib", "platlib", "scripts", "stdlib")}
    for name in [*(f"{kind}/README" for kind in paths), *names]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x = 1\n" if name.endswith(".py") else "")
    for path in folder.rglob("*"):
        os.utime(path, (time.time() - 3600,) * 2)
    return paths


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name != "README"}


def test_a_base_without_bytecode_is_given_that_of_its_library(tmp_path: Path) -> None:
    used = ["stdlib/argparse.py", "stdlib/json/__init__.py"]
    paths = _base(tmp_path, *used, "stdlib/test/support.py", "stdlib/tkinter/font.py")
    before = {path: path.stat().st_mtime for path in tmp_path.rglob("*")}
    layers.base(paths)
    made = sorted(tmp_path.rglob("*.pyc"))
    assert made == sorted(Path(cache_from_source(tmp_path / name)) for name in used)
    assert {path.stat().st_mtime for path in [*made, *(path.parent for path in made)]} == {layers.OLDEST}
    assert before == {path: path.stat().st_mtime for path in before}


def test_bytecode_that_is_there_stays(tmp_path: Path) -> None:
    paths = _base(tmp_path, "stdlib/argparse.py")
    compiled = py_compile.compile(str(tmp_path / "stdlib/argparse.py"))
    assert compiled is not None
    before = Path(compiled).stat()
    layers.base(paths)
    assert Path(compiled).stat() == before


def test_what_installs_packages_is_removed_from_the_base(tmp_path: Path) -> None:
    kept = ["purelib/wheels/a.py", "scripts/python3", "scripts/pipeline", "stdlib/test/a.py"]
    gone = ["purelib/pip/a.py", "purelib/pip-26.dist-info/METADATA", "scripts/pip3.13", "stdlib/ensurepip/a.py"]
    paths = _base(tmp_path, *kept, *gone)
    for _ in range(2):
        layers.base(paths)
        assert _files(tmp_path) == set(kept)
