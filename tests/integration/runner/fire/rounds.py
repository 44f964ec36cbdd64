"""How much of the fire there is: a little in every test run, all of it when HEADRACE_FIRE_ROUNDS says 20."""

import os
import random
from collections.abc import Sequence
from typing import TypeVar

ROUNDS = int(os.environ.get("HEADRACE_FIRE_ROUNDS", "2"))
ALL = 20
IS_ALL = ROUNDS >= ALL
SEED = int(os.environ.get("HEADRACE_FIRE_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
T = TypeVar("T")


def chance(*names: object) -> random.Random:
    """Chance of its own for each test; HEADRACE_FIRE_SEED repeats it."""
    return random.Random(" ".join(map(str, (SEED, *names))))


def some(items: Sequence[T], count: int, *names: object) -> list[T]:
    """All of them, or in a short test run only so many, in their order."""
    if IS_ALL or count >= len(items):
        return list(items)
    chosen = sorted(chance(*names).sample(range(len(items)), count))
    return [items[number] for number in chosen]
