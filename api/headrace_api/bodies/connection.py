"""What bodies of sources and destinations have in common: where a server is, and a password that never comes out."""

import ssl
import unicodedata
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    SecretStr,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    create_model,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import CoreSchema, ValidationInfo

from headrace.model.conditions import Condition
from headrace.model.connection import CA_LIMIT, HOST_PATTERN, ConnectionSpec, SecretKey
from headrace.pem import certificates
from headrace_api.bodies import derive
from headrace_api.bodies.examples import SECRET_REFERENCE
from headrace_api.bodies.time import Time

PASSWORD_LIMIT = 4096
"""Characters: tokens of cloud providers, which are sent as passwords, have some 2,000."""


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """What is to become of the password."""

    keeps: bool = True
    """It stays as it is."""
    only_own: bool = False
    """And if it stays, then not where others keep it: a reference to their Secret goes."""
    value: str | None = field(default=None, repr=False)
    """A new one, which is to be put into a Secret."""
    reference: SecretKey | None = None
    """Where somebody else keeps it."""
    connection: SecretKey | None = None
    """Where the caller was told that the whole connection string lies; None: they did not say."""


def _plain(secret: SecretStr | None) -> SecretStr | None:
    value = secret.get_secret_value() if secret is not None else None
    if value == "":
        raise PydanticCustomError("empty_password", "is empty: null removes the password, left out it stays")
    # Cs: half a character, which is no text.
    if value is not None and any(unicodedata.category(character) in {"Cc", "Cs"} for character in value):
        raise PydanticCustomError("password_characters", "must not hold control characters, such as a line break")
    return secret


def _readable(ca: str | None) -> str | None:
    """Looks at it as a client will, so that a damaged file is refused when it is sent."""
    if ca is not None and "-----BEGIN CERTIFICATE-----" in ca and "PRIVATE KEY" not in ca:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=certificates(ca))
        except (ssl.SSLError, ValueError):
            raise PydanticCustomError("certificate", "is no certificate that can be read") from None
    return ca


def _options(value: object) -> object:
    return {} if value is None else value


def _value(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    """One message instead of one for each type that it might have been."""
    try:
        return handler(value)
    except ValidationError:
        words = "give a text of at most 200 characters, a whole number, true or false"
        raise PydanticCustomError("option_value", words) from None


_Value = Annotated[Annotated[str, Field(max_length=200)] | bool | int, WrapValidator(_value)]
Options = Annotated[dict[str, _Value], BeforeValidator(_options)]
"""Values may be sent as JSON has them: `5`, `true`."""
_Password = Annotated[SecretStr, Field(max_length=PASSWORD_LIMIT)]
_Certificates = Annotated[str, Field(min_length=1, max_length=CA_LIMIT)]
_OWN = ("name", "port", "username")
_CONDITION = ("type", "status", "reason", "message", "last_transition_time")

if TYPE_CHECKING:
    SecretReference: TypeAlias = BaseModel
    _Where: TypeAlias = BaseModel
    ConnectionCondition: TypeAlias = BaseModel
else:
    SecretReference = create_model(
        "SecretReference",
        __doc__='A key of a Secret that has the label `headrace.dev/credentials: "true"`.',
        **{name: derive.required_or_default(info) for name, info in SecretKey.model_fields.items()},
    )
    SecretReference.model_config.update(extra="forbid", json_schema_extra={"examples": [SECRET_REFERENCE]})
    SecretReference.model_rebuild(force=True)
    _Where = create_model(
        "_Where", **{name: derive.required_or_default(ConnectionSpec.model_fields[name]) for name in _OWN}
    )
    ConnectionCondition = create_model(
        "ConnectionCondition",
        __doc__="One thing that was found of it; those who use kubectl see the same.",
        **{name: derive.shown(Condition.model_fields[name]) for name in _CONDITION},
    )


class ConnectionIn(_Where):
    """Where a server is, and how to log in."""

    host: str = Field(
        description="The server's name or address, without scheme, port, user or path.",
        json_schema_extra={"maxLength": 253, "pattern": HOST_PATTERN},
    )
    options: Options = Field(
        default_factory=dict,
        max_length=20,
        description=str(ConnectionSpec.model_fields["options"].description),
    )
    ca: Annotated[_Certificates | None, AfterValidator(_readable)] = Field(
        default=None,
        description=str(ConnectionSpec.model_fields["ca"].description),
    )
    password: Annotated[_Password | None, AfterValidator(_plain)] = Field(
        default=None,
        description="Goes into a Secret and is never shown. PUT: left out it stays, null removes it.",
    )
    password_secret: SecretReference | None = Field(
        default=None,
        description="Instead of a password: where one lies that others take care of. PUT: left out it stays, null"
        " removes the reference.",
    )

    @field_validator("password_secret")
    @classmethod
    def _either(cls, reference: Any, info: ValidationInfo) -> Any:
        if reference is not None and info.data.get("password") is not None:
            raise PydanticCustomError("two_passwords", "give a password or a password_secret, not both")
        return reference

    def fields(self) -> dict[str, Any]:
        """All but the password, by the names of the specification."""
        return self.model_dump(mode="json", exclude={"password", "password_secret", "connection_secret"})

    def password_change(self) -> PasswordChange:
        """What is to become of the password."""
        if self.password_secret is not None:
            return PasswordChange(keeps=False, reference=SecretKey.model_validate(self.password_secret.model_dump()))
        if self.password is not None:
            return PasswordChange(keeps=False, value=self.password.get_secret_value())
        if "password" in self.model_fields_set:
            return PasswordChange(keeps=False)
        return PasswordChange(only_own="password_secret" in self.model_fields_set)


class SentBack(ConnectionIn):
    """What PUT takes: also what GET showed, with the fields that only answers have; those are not looked at."""

    only_shown: ClassVar[frozenset[str]] = frozenset()
    connection_secret: SecretReference | None = Field(
        default=None, description="As it is shown, or left out: only a manifest can refer to a connection string."
    )

    @model_validator(mode="before")
    @classmethod
    def _as_sent(cls, body: Any) -> Any:
        if not isinstance(body, dict):
            return body
        return {name: value for name, value in body.items() if name not in cls.only_shown}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler(core)
        ignored = {"readOnly": True, "description": "Only answers have it: ignored where it is sent."}
        handler.resolve_ref_schema(schema)["properties"] |= {name: dict(ignored) for name in sorted(cls.only_shown)}
        return schema

    def password_change(self) -> PasswordChange:
        """What is to become of the password, and where the caller was told that it lies."""
        shown = self.connection_secret
        connection = None if shown is None else SecretKey.model_validate(shown.model_dump())
        return replace(super().password_change(), connection=connection)


class ConnectionIdentity(BaseModel):
    """What is shown first."""

    id: str = Field(description="UUID: the `metadata.uid` of the resource.")
    name: str = Field(description="Shown to people, unique among its kind.")


class ConnectionShown(BaseModel):
    """Where a server is, and whether it lets us in; never a password."""

    host: str | None = Field(description="Null until it was read from where a manifest has a connection string.")
    port: int | None = Field(description="Its port; null as with `host`.")
    database: str | None = Field(description="The database; null of elasticsearch, and as with `host`.")
    username: str | None = Field(
        description="The role that connects, also where it was read from a Secret; null: none, or not read yet."
    )
    options: dict[str, str] = Field(description="Settings of the connection, as in POST.")
    ca: str | None = Field(description="Certificates in PEM by which the server's is verified; null: the system's.")
    has_password: bool = Field(description="Whether it refers to a Secret, of a password or a whole connection string.")
    password_secret: SecretReference | None = Field(
        description="Where the password lies, if others take care of it; null for one that was sent here."
    )
    connection_secret: SecretReference | None = Field(
        description="Where a whole connection string lies, password and all; null: host, database and username are"
        " fields of the manifest."
    )
    ready: bool | None = Field(description="Whether the last attempt to connect succeeded; null: not tried yet.")
    reason: str | None = Field(description="Why, in one word.")
    message: str | None = Field(description="Why, in a sentence.")
    conditions: list[ConnectionCondition] = Field(
        description="All that was found of it as it is now: Ready, and of sources SourceReadOnly, SlotHealthy and"
        " WalPressure, of destinations CanCreate. One that is not in it was not looked at yet."
    )
    server_version: str | None = Field(description="As the server said when it was last asked; null: never yet.")
    pipelines: int = Field(description="How many pipelines use it, also as the default.")
    created_at: Time = Field(description="When it was made.")
    updated_at: Time = Field(description="When its configuration or its password last changed.")
