"""What the tests of this folder share: taps on the way to the servers, and the books of their pipelines."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.integration.runner.fire.books import Books
from tests.integration.runner.fire.modes import Mode
from tests.integration.runner.fire.wiretap import Wiretap


@pytest.fixture
def taps(rig: Any) -> Iterator[dict[str, Wiretap]]:
    """One on the way to each server."""
    made = {side: Wiretap(getattr(rig, side)) for side in ("source", "target", "store")}
    yield made
    for tap in made.values():
        tap.close()


@pytest.fixture
def open_books(rig: Any) -> Iterator[Callable[..., Books]]:
    """Opens the books of a mode of runs, on this rig or another; call it before the first run."""
    opened: list[Books] = []

    def make(mode: Mode, other_rig: Any = None) -> Books:
        opened.append(Books(other_rig or rig, mode))
        return opened[-1]

    yield make
    for books in opened:
        books.close()
