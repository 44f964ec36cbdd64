"""What the tests of this folder share: taps on the way to the servers, and the target's ledger."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.integration.runner.fire.ledger import Ledger
from tests.integration.runner.fire.modes import TABLE
from tests.integration.runner.fire.wiretap import Wiretap


@pytest.fixture
def taps(rig: Any) -> Iterator[dict[str, Wiretap]]:
    """One on the way to each server."""
    made = {side: Wiretap(getattr(rig, side)) for side in ("source", "target", "store")}
    yield made
    for tap in made.values():
        tap.close()


@pytest.fixture
def ledger(rig: Any) -> Iterator[Ledger]:
    """Counts what is committed in the target from now on."""
    ((level,),) = rig.on_target("SHOW wal_level")
    if level != "logical":
        pytest.skip("the target's wal_level is not logical")
    ledger = Ledger(rig.target, TABLE)
    yield ledger
    ledger.close()
