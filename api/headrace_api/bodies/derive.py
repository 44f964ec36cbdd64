"""Derives API models from resource models, so that each rule about a field is written once."""

from typing import Annotated, Any, get_args

from pydantic import BeforeValidator, Field
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

Definition = tuple[Any, Any]
"""What `pydantic.create_model` takes for a field."""


def required_or_default(info: FieldInfo) -> Definition:
    """The field as `POST` and `PUT` take it."""
    if info.is_required():
        return _annotation(info), Field(description=info.description)
    if info.default_factory is not None:
        return _annotation(info), Field(default_factory=info.default_factory, description=info.description)
    return _annotation(info), Field(default=info.default, description=info.description)


def optional(info: FieldInfo) -> Definition:
    """The field as `PATCH` takes it: left out it stays; null only where null is a value."""
    return _annotation(info), Field(default=None, description=info.description, json_schema_extra=_without_default)


def shown(info: FieldInfo) -> Definition:
    """The field as answers show it: it is always there. What kubectl let in is shown, so without limits."""
    return info.annotation, Field(description=info.description)


def _annotation(info: FieldInfo) -> Any:
    # The guard comes last: limits behind it would be lost to the schema.
    parts = (info.annotation, *info.metadata, *_guards(info.annotation))
    return Annotated[parts] if len(parts) > 1 else info.annotation


def _guards(annotation: Any) -> tuple[BeforeValidator, ...]:
    """Refuses `"5"` and `true` for numbers, `1` and `"yes"` for booleans."""
    options = {annotation, *get_args(annotation)}
    return tuple(guard for kind, guard in _GUARDS.items() if kind in options)


def _number(value: object) -> object:
    # 5.0 passes, which is an integer in JSON.
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    raise PydanticCustomError("int_type", "Input should be a valid integer")


def _boolean(value: object) -> object:
    if value is None or isinstance(value, bool):
        return value
    raise PydanticCustomError("bool_type", "Input should be a valid boolean")


_GUARDS = {int: BeforeValidator(_number), bool: BeforeValidator(_boolean)}


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)
