"""Which rounds a test of this folder has."""

from collections.abc import Sequence
from typing import TypeVar

from tests.fire import IS_ALL, chance, rounds

ROUNDS = rounds(2)
T = TypeVar("T")


def some(items: Sequence[T], count: int, *names: object) -> list[T]:
    """All of them, or in a short test run only so many, in their order."""
    if IS_ALL or count >= len(items):
        return list(items)
    chosen = sorted(chance(*names).sample(range(len(items)), count))
    return [items[number] for number in chosen]
