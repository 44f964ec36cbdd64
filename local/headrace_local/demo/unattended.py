"""Something that is shown without anybody at the keyboard: whatever happens, what it started is removed."""

import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType

import psycopg
from rich.console import Console

from headrace_local.demo.story import EXAMPLES
from headrace_local.errors import LocalError
from headrace_local.machine import leftovers, lifecycle

INTERRUPTED = 130


def unattended(prefix: str, show: Callable[[Console, str], None]) -> int:
    """Shows it, with the name of a cluster that is its own; returns the exit code: 0 when all went well."""
    console = Console(soft_wrap=True)
    name, began = leftovers.name_for(prefix, os.getpid()), time.monotonic()
    for number in (signal.SIGTERM, signal.SIGINT):
        # SIGINT too: a shell starts what it puts into the background with that ignored.
        signal.signal(number, _interrupt)
    try:
        if not EXAMPLES.is_dir():
            raise LocalError("the demo shows the examples of a checkout of Headrace, and there is none here")
        show(console, name)
        problem, code = "", 0
    except KeyboardInterrupt:
        problem, code = "The demo was interrupted.", INTERRUPTED
    except (LocalError, psycopg.Error, OSError) as error:
        problem, code = f"The demo failed: {error}", 1
    finally:
        _remove(console, name)
    if problem:
        sys.stderr.write(f"{problem} Everything that it started is removed.\n")
    else:
        console.print(f"All of it took {time.monotonic() - began:.0f} s. To look around yourself: make up")
    return code


def shower(console: Console) -> Callable[[str], None]:
    """Shows the commands that are run, as a person would type them."""

    def show(command: str) -> None:
        console.print(f"   $ {command}", style="cyan", highlight=False, markup=False)

    return show


def _remove(console: Console, name: str) -> None:
    # From here on Ctrl-C would only leave things behind.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if lifecycle.down(name):
        console.print("\nEverything is removed: processes, ports and files.")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
