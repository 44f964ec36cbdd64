"""What is wrong with a specification that can't be read, in words."""

from pydantic import ValidationError


def in_words(error: ValidationError) -> str:
    """The first fault of a specification: its field and what is wrong; never the value."""
    first = error.errors(include_input=False, include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    said = str(first["msg"]).removeprefix("Value error, ")
    return f"{field}: {said}" if field else said
