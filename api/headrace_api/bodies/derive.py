"""Derives API models from resource models, so that each rule about a field is written once."""

import types
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BeforeValidator, Field, Strict
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
    """The field as `PATCH` takes it: left out it stays; null means its default, but for a required one."""
    annotation = _annotation(info) if info.is_required() else _annotation(info) | None
    return annotation, Field(default=None, description=info.description, json_schema_extra=_without_default)


def shown(info: FieldInfo) -> Definition:
    """The field as answers show it: it is always there. What kubectl let in is shown, so without limits."""
    return info.annotation, Field(description=info.description)


def _annotation(info: FieldInfo) -> Any:
    annotation: Any = Annotated[(_strict(info.annotation), *info.metadata)] if info.metadata else None
    return annotation or _strict(info.annotation)


def _strict(annotation: Any) -> Any:
    """Refuses `"5"` and `true` for numbers, `1` and `"yes"` for booleans."""
    if annotation is bool:
        return Annotated[bool, Strict()]
    if annotation is int:
        return Annotated[int, BeforeValidator(_number)]
    if get_origin(annotation) in (Union, types.UnionType):
        return Union[tuple(_strict(option) for option in get_args(annotation))]  # noqa: UP007  # built at run time
    return annotation


def _number(value: object) -> object:
    # Strict() would refuse 5.0 too, which is an integer in JSON.
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise PydanticCustomError("int_type", "Input should be a valid integer")


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)
