"""Streams that leave nothing behind."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from tests.integration.runner.stream.changes import TABLE, TARGET
from tests.integration.runner.stream.running import Running


@pytest.fixture
def events(rig: Any) -> Any:
    """A source whose rows change, and a target that writes down what comes."""
    rig.on_source(*TABLE)
    rig.on_target(*TARGET)
    return rig


@pytest.fixture
def stream() -> Iterator[Callable[..., Running]]:
    """Starts streams."""
    with ExitStack() as stack:

        def start(rig: Any, *arguments: Any, **fields: Any) -> Running:
            running = Running(rig, *arguments, **fields)
            stack.callback(running.close)
            return running

        yield start
