"""Times in resources, as the lifecycle's modules import them."""

from headrace.model.times import from_text, to_text

__all__ = ["from_text", "to_text"]
