"""The tree holds what the layout promises."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ROOTS = ("operator", "api", "local", "bench/headrace_bench")
SOURCES = [path for root in ROOTS for path in sorted((ROOT / root).rglob("*.py"))]


def test_operator_is_never_a_package():
    """`operator/__init__.py` would shadow the standard library's operator for whoever starts Python in the checkout."""
    assert not (ROOT / "operator" / "__init__.py").exists()
    found = subprocess.run(
        [sys.executable, "-c", "import operator; print(operator.itemgetter(1)('ab'))"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert found.stdout.strip() == "b"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_in_a_sentence_what_it_is_for(path):
    text = path.read_text()
    if text.strip():
        assert ast.get_docstring(ast.parse(text)), "a one-sentence docstring belongs on top"


@pytest.mark.parametrize("name", ["utils", "helpers", "common", "misc"])
def test_no_module_is_named_after_nothing(name):
    assert not [path for path in SOURCES if name in path.with_suffix("").parts]


@pytest.mark.parametrize("package", ["headrace", "headrace_operator", "headrace_runner", "headrace_api"])
def test_packages_are_typed(package):
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    assert (Path(spec.origin).parent / "py.typed").exists()


def test_the_runner_starts_without_what_only_the_control_plane_needs():
    """pydantic, sqlglot and kubernetes cost a second: each run would pay for it."""
    heavy = ["pydantic", "sqlglot", "kubernetes", "kopf", "structlog", "fastapi"]
    code = f"import sys, headrace_runner.__main__; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip() == "[]"
