"""Headrace's own modules, compiled as an image has them: a container may not write beside the sources."""

import compileall
from importlib.util import find_spec

ROLES = ("headrace", "headrace_runner", "headrace_operator", "headrace_api")


def compile_roles() -> None:
    """Compiles what has changed; where that can't be written all works the same, but slower.

    Without it every runner compiles 66 modules before its first row: 0.06 s of 0.22 s of CPU.
    """
    for role in ROLES:
        found = find_spec(role)
        for folder in (found and found.submodule_search_locations) or ():
            compileall.compile_dir(folder, quiet=2)
