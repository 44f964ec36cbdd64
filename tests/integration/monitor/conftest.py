"""What the tests of the monitor share."""

from collections.abc import AsyncIterator

import pytest
from tests.integration.monitor.monitored import World, at_work


@pytest.fixture
async def world(store_database: str) -> AsyncIterator[World]:
    async with at_work(store_database) as world:
        yield world
