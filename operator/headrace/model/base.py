"""What all models share: camelCase in manifests, snake_case in Python, nothing unknown accepted."""

import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

NAME_PATTERN = r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?$"
RESOURCE_NAME_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
"""What Kubernetes takes for a metadata.name; anything else may mean something in the path of a URL."""
DURATION_PATTERN = r"^[0-9]{1,9}(s|m|h|d)$"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Resource(BaseModel):
    """A part of a custom resource, frozen; manifests use the camelCase aliases."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, use_attribute_docstrings=True
    )

    def manifest(self) -> dict[str, Any]:
        """Returns the fields as they stand in a manifest, without those that are null."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class Status(Resource):
    """A part of a status: fields that a newer version wrote are kept out of the way, not refused."""

    model_config = ConfigDict(extra="ignore")


Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""RFC 3339, UTC."""


def printable(name: str) -> str:
    """The name, when people can tell it from others by looking at it; ValueError says what is wrong."""
    if name != name.strip() or any(unicodedata.category(c) == "Cc" for c in name):
        raise ValueError("no control characters, and no space at either end")
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
