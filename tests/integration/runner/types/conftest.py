"""Rigs for both ways of an upsert."""

import pytest

NEWEST, WITHOUT_MERGE = 18, 14


@pytest.fixture(params=[NEWEST, WITHOUT_MERGE], ids=["MERGE", "ON CONFLICT"])
def each_rig(request, rig_on, server_of):
    """A rig on a server that has MERGE, and one on a server that does not."""
    return rig_on(server_of(request.param))
