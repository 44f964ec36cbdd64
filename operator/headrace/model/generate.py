"""Writes the generated files, or with `--check` says which of them are stale: `python -m headrace.model.generate`."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from headrace.model import crd, kinds, reference

ROOT = Path(__file__).parents[3]
HEADER = "# Generated from headrace.model by `make generate`; edit the models instead.\n"


def files() -> dict[Path, str]:
    """The generated files by their path in the checkout."""
    crds = {ROOT / "crds" / f"{kind.plural}.yaml": HEADER + dump(crd.crd(kind)) for kind in kinds.KINDS}
    return {**crds, ROOT / "docs" / "reference.md": reference.page()}


def dump(document: dict[str, Any]) -> str:
    """YAML in the order in which the document was built."""
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def write(wanted: Mapping[Path, str], arguments: Sequence[str]) -> int:
    """Writes what is stale, or with `--check` only names it; returns the exit code."""
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    if "--check" in arguments:
        for path in stale:
            sys.stderr.write(f"{path.relative_to(ROOT)} is stale: run `make generate`\n")
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path])
    return 0


if __name__ == "__main__":
    sys.exit(write(files(), sys.argv[1:]))
