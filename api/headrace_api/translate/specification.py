"""The specification of a kind, in manifests (camelCase) and by the names that callers know."""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from headrace.cluster import Manifest
from headrace.model.base import Resource

S = TypeVar("S", bound=Resource)


class Specification(Generic[S]):
    """One kind's; `known_as`: what callers know by another name than the model, or not at all (None)."""

    def __init__(self, model: type[S], *, known_as: Mapping[str, str | None] | None = None) -> None:
        self._model = model
        self._known_as = known_as or {}
        self._aliases = {name: str(info.alias) for name, info in model.model_fields.items()}
        self._defaults = {
            name: None if info.is_required() else info.get_default(call_default_factory=True)
            for name, info in model.model_fields.items()
        }

    def fields(self, resource: Manifest) -> dict[str, Any]:
        """What a resource says, by the model's names; what it lacks has its default."""
        spec = resource.get("spec", {})
        return {
            name: self._defaults[name] if (value := spec.get(alias)) is None else value
            for name, alias in self._aliases.items()
        }

    def shown(self, resource: Manifest) -> dict[str, Any]:
        """As `fields`, without what callers know by another name."""
        return {name: value for name, value in self.fields(resource).items() if name not in self._known_as}

    def parse(self, fields: Mapping[str, Any]) -> S:
        """What these fields ask for; RequestValidationError for those that break a field's rule."""
        try:
            return self._model.model_validate(fields)
        except ValidationError as error:
            raise RequestValidationError(
                [
                    {**e, "loc": ("body", *self._place(e["loc"]))}
                    for e in error.errors(include_url=False, include_input=False)
                ]
            ) from None

    def _place(self, location: tuple[int | str, ...]) -> tuple[int | str, ...]:
        names = {alias: self._known_as.get(name) or name for name, alias in self._aliases.items()}
        return tuple(names.get(part, part) if isinstance(part, str) else part for part in location)
