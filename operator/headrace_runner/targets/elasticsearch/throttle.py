"""How much is sent at once: less as soon as Elasticsearch can't keep up, and slowly more again."""

from dataclasses import dataclass

from headrace_runner.targets.elasticsearch.bodies import BYTES, DOCUMENTS, Limit

FEWEST = 100
"""Documents of a body; with fewer the requests are the load."""
STEP = 250
"""So many documents more after each body that got through: after 10 of them a refusal is forgotten."""


@dataclass(slots=True)
class Throttle:
    """The limits of the next body; pure."""

    most_in_flight: int
    documents: int = DOCUMENTS
    size: int = BYTES
    """In bytes."""

    @property
    def limit(self) -> Limit:
        """Of the next body."""
        return Limit(self.documents, self.size)

    @property
    def in_flight(self) -> int:
        """How many bodies may be under way at once."""
        return self.most_in_flight if self.documents == DOCUMENTS else 1

    def accepted(self) -> None:
        """A body got through."""
        self.documents = min(DOCUMENTS, self.documents + STEP)

    def refused(self, documents: int) -> None:
        """Elasticsearch had too much to do to take a body of so many."""
        self.documents = max(FEWEST, min(self.documents, documents) // 2)

    def too_large(self, size: int) -> None:
        """A body of so many bytes was too great; that limit is the server's, and stays."""
        self.size = max(1, min(self.size, size // 2))
