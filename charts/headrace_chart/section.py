"""What all sections of the values share, and the types that occur in several of them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel


class Section(BaseModel):
    """A part of the values, frozen; in YAML its fields are camelCase. The docstring of a field is its comment there."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, use_attribute_docstrings=True
    )


_DNS_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
Label = Annotated[str, Field(pattern=f"^{_DNS_LABEL}$", max_length=63)]
"""A name of one part, such as a namespace's."""
LabelOrEmpty = Annotated[str, Field(pattern=rf"^$|^{_DNS_LABEL}$", max_length=50)]
NameOrEmpty = Annotated[str, Field(pattern=rf"^$|^{_DNS_LABEL}(\.{_DNS_LABEL})*$", max_length=253)]
"""What Kubernetes takes for the name of a Secret."""
QUANTITY = r"^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$"
Quantity = Annotated[str, Field(pattern=QUANTITY)]
Duration = Annotated[str, Field(pattern=r"^([0-9]+(ms|s|m|h|d))+$")]
"""Of Prometheus."""
UrlOrEmpty = Annotated[str, Field(pattern=r"^$|^https?://[^\s]+$")]
HttpsOrEmpty = Annotated[str, Field(pattern=r"^$|^https://[^\s]+$")]
Port = Annotated[int, Field(ge=1, le=65535)]
Cidr = Annotated[str, Field(pattern=r"^[0-9a-fA-F.:]+/[0-9]{1,3}$")]
PullPolicy = Literal["Always", "IfNotPresent", "Never"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

Free = dict[str, Any]
"""A map that Kubernetes knows better than we do."""
Words = dict[str, str]
"""Labels, annotations, node selectors."""
FreeList = tuple[Free, ...]
UserOrAuto = Annotated[
    int | str,
    WithJsonSchema({"type": ["integer", "string"], "minimum": 1, "maximum": 2147483647, "pattern": "^auto$"}),
]
"""The number of a user that is not root."""
IntOrPercent = Annotated[
    int | str, WithJsonSchema({"type": ["integer", "string"], "minimum": 0, "pattern": "^[0-9]{1,3}%$"})
]
