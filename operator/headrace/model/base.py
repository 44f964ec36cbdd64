"""What all models share: camelCase in manifests, snake_case in Python, nothing unknown accepted."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator
from pydantic.alias_generators import to_camel

NAME_PATTERN = r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?$"
NAME_RULE = "no control characters, and no space at either end"
"""The same in words."""
RESOURCE_NAME_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
"""What Kubernetes takes for a metadata.name; anything else may mean something in the path of a URL."""
DURATION_PATTERN = r"^[0-9]{1,9}(s|m|h|d)$"
_NOT_SHOWN = re.compile("[\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff]")
"""What YAML does not take as it is (https://yaml.org/spec/1.2.2/#51-character-set), and JSON does not escape: with one
of them in any of our resources `kubectl get -o yaml` shows none."""
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Resource(BaseModel):
    """A part of a custom resource, frozen; manifests use the camelCase aliases."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, use_attribute_docstrings=True
    )

    is_asked: ClassVar[bool] = True
    """It is what somebody asks for, and may be refused."""

    @field_validator("*")
    @classmethod
    def _is_shown(cls, value: Any) -> Any:
        for text in texts(value) if cls.is_asked else ():
            refuse_not_shown(text)
        return value

    def manifest(self) -> dict[str, Any]:
        """Returns the fields as they stand in a manifest, without those that are null."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class Status(Resource):
    """A part of a status: fields that a newer version wrote are kept out of the way, not refused."""

    model_config = ConfigDict(extra="ignore")
    is_asked: ClassVar[bool] = False


Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""RFC 3339, UTC."""


def inside(node: Any) -> list[Any]:
    """What a JSON value holds: an object's names and values, a list's items."""
    if isinstance(node, dict):
        return [*node, *node.values()]
    return node if isinstance(node, list) else []


def texts(value: Any) -> Iterator[str]:
    """All texts in a JSON value, names too."""
    rest = [value]
    while rest:
        part = rest.pop()
        rest += inside(part)
        if isinstance(part, str):
            yield part


def refuse_not_shown(text: str) -> str:
    """The text; ValueError for one that kubectl could not show."""
    found = _NOT_SHOWN.search(text)
    if found is not None:
        raise ValueError(f"kubectl can't show the character U+{ord(found[0]):04X}")
    return text


def shown(text: str) -> str:
    """The text, with other people's characters that kubectl could not show replaced."""
    return _NOT_SHOWN.sub("\N{REPLACEMENT CHARACTER}", text)


def printable(name: str) -> str:
    """The name, when people can tell it from others by looking at it; ValueError says what is wrong."""
    if name != name.strip() or any(unicodedata.category(c) == "Cc" for c in name):
        raise ValueError(NAME_RULE)
    return name


def seconds(duration: str) -> int:
    """The seconds in a duration such as `90s`, `5m`, `2h`, `1d`; the pattern was checked before."""
    return int(duration[:-1]) * _SECONDS[duration[-1]]


def lasting(least: str, most: str) -> AfterValidator:
    """Of a duration that fits the pattern: refuses what is shorter or longer than these."""

    def check(duration: str) -> str:
        if not seconds(least) <= seconds(duration) <= seconds(most):
            raise ValueError(f"give {least} to {most}")
        return duration

    return AfterValidator(check)
