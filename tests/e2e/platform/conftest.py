"""The platform family's calls, on the cluster that all end-to-end tests share."""

import pytest
from tests.e2e.platform.client import Platform
from tests.e2e.world import World


@pytest.fixture(scope="session")
def platform(world: World) -> Platform:
    """The first API process."""
    return Platform(world)
