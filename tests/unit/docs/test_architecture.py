"""The page about the architecture names every folder of ours, and none that is not there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
ROWS = re.findall(
    r"^\| (.+?) \| (.+) \|$", PAGE.partition("## Where things are")[2].partition("\n## ")[0], re.MULTILINE
)
HEADING = re.compile(r"\*\*\w+\*\*, `([\w/]+)`")


def named():
    """The folders of the table, below those that are printed bold."""
    above, found = "", {}
    for first, second in ROWS:
        if heading := HEADING.match(first):
            above = heading[1]
            found.setdefault(above, set())
        if above:
            found[above] |= {name for name in re.findall(r"`([\w/]+)`", second) if (ROOT / above / name).is_dir()}
    return found


def folders(package):
    """What has a file of its own to begin with, and no folders below."""
    every = {path.parent.relative_to(ROOT / package) for path in (ROOT / package).rglob("__init__.py")}
    return {str(path) for path in every if path.parts and not any(path in other.parents for other in every)}


PACKAGES = sorted(str(path.parent.relative_to(ROOT)) for path in ROOT.glob("*/headrace*/__init__.py"))


@pytest.mark.parametrize("package", [package for package in PACKAGES if not package.startswith(("bench", "charts"))])
def test_every_folder_has_its_place(package):
    assert folders(package) - named()[package] == set()


def test_no_file_or_folder_is_named_that_is_not_there():
    above = ""
    for first, second in ROWS:
        if heading := HEADING.match(first):
            above = heading[1]
            assert (ROOT / above).is_dir(), above
        for name in re.findall(r"`([\w/.]+)`", second):
            assert (ROOT / above / name).exists() or (ROOT / name).exists(), f"{above}: {name}"
