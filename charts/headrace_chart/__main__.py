"""Writes the chart's generated files, or with `--check` says which of them are stale: `python -m headrace_chart`."""

import json
import sys
from pathlib import Path

from headrace.model.generate import write
from headrace_chart import commented, reference
from headrace_chart.schema import schema

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "headrace"
EXAMPLES = ("films-full", "films-incremental")
"""Those of which the chart has a copy, for `examples.enabled`."""


def files() -> dict[Path, str]:
    """The generated files by their path in the checkout."""
    return {
        CHART / "values.yaml": commented.text(),
        CHART / "values.schema.json": json.dumps(schema(), indent=2, ensure_ascii=False) + "\n",
        ROOT / "docs" / "values.md": reference.page(),
        **{CHART / "files" / "crds" / crd.name: crd.read_text() for crd in sorted((ROOT / "crds").glob("*.yaml"))},
        **{CHART / "files" / "examples" / f"{name}.yaml": _example(name) for name in EXAMPLES},
    }


def _example(name: str) -> str:
    return (ROOT / "examples" / name / "pipeline.yaml").read_text()


if __name__ == "__main__":
    sys.exit(write(files(), sys.argv[1:]))
