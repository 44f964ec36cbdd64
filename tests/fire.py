"""How much of the fire there is: a few rounds in every test run, all of them when HEADRACE_FIRE_ROUNDS says 20."""

import os
import random

ALL = 20
_WANTED = os.environ.get("HEADRACE_FIRE_ROUNDS")
SEED = int(os.environ.get("HEADRACE_FIRE_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)


def rounds(few: int) -> int:
    """How many there are: what HEADRACE_FIRE_ROUNDS says, or else so few."""
    return int(_WANTED or few)


IS_ALL = rounds(0) >= ALL


def chance(*names: object) -> random.Random:
    """Chance of its own for each test; HEADRACE_FIRE_SEED repeats it."""
    return random.Random(" ".join(map(str, (SEED, *names))))
