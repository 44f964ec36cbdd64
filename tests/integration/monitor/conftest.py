"""What the tests of the monitor share."""

from collections.abc import AsyncIterator

import pytest
from tests.integration.monitor.monitored import World, at_work

from headrace.store.migrate import migrate


@pytest.fixture
async def world(database: str) -> AsyncIterator[World]:
    migrate(database)
    async with at_work(database) as world:
        yield world
