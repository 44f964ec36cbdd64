"""The kinds of sources and destinations, which have most of their columns and rules in common."""

from headrace import names
from headrace.model.connection import NAME_AND_VALUE, OPTIONS, ROW_SECURITY, VERIFYING, ConnectionType
from headrace.model.destination import DestinationSpec, DestinationStatus
from headrace.model.kind import AGE, Column, Kind, Rule
from headrace.model.source import SourceSpec, SourceStatus


def _options(type_: ConnectionType, *, of_source: bool = False) -> Rule:
    allowed = sorted(name for name in OPTIONS[type_] if of_source or name != ROW_SECURITY)
    listed = ", ".join(f"'{name}'" for name in allowed)
    return Rule(
        rule=f"self.type != '{type_.value}' || !has(self.options) || self.options.all(name, name in [{listed}])",
        message=f"options of {type_.value} are {', '.join(allowed)}; a password goes into passwordSecret",
        field="options",
    )


def _ca() -> Rule:
    modes = ", ".join(f"'{mode}'" for mode in VERIFYING)
    return Rule(
        rule="self.type != 'postgres' || !has(self.ca) || !has(self.options) || !('sslmode' in self.options)"
        f" || self.options['sslmode'] in [{modes}]",
        message=f"ca needs sslmode {' or '.join(VERIFYING)}",
        field="ca",
    )


_CONNECTION_COLUMNS = (
    Column(name="Type", path=".spec.type", description="What kind of server it is."),
    Column(name="Host", path=".status.connection.host", description="The server."),
    Column(name="Database", path=".status.connection.database", description="The database."),
    Column(name="Ready", path='.status.conditions[?(@.type=="Ready")].status', description="Whether it lets us in."),
    Column(name="Reason", path='.status.conditions[?(@.type=="Ready")].reason', description="Why, in one word."),
    Column(name="Pipelines", path=".status.pipelines", type="integer", description="How many use it."),
)
_CONNECTION_WIDE = (
    AGE,
    Column(name="Name", path=".spec.name", description="The name shown to people.", wide=True),
    Column(name="Version", path=".status.serverVersion", description="The server's.", wide=True),
    Column(name="User", path=".status.connection.username", description="The role that connects.", wide=True),
)
_CONNECTION_RULES = (
    _ca(),
    Rule(
        rule="has(self.connectionSecret) != has(self.host)",
        message="give host and database, or a connectionSecret in their place",
        field="host",
    ),
    Rule(
        rule="!has(self.connectionSecret) || !(has(self.port) || has(self.database) || has(self.username)"
        " || has(self.passwordSecret))",
        message="port, database, username and password are in the connectionSecret",
        field="connectionSecret",
    ),
    Rule(
        rule="has(self.connectionSecret) || self.type != 'postgres' || has(self.database)",
        message="database is needed",
        field="database",
    ),
    Rule(
        rule=f"!has(self.database) || !self.database.matches(r'://|{NAME_AND_VALUE}')",
        message="give the database's name alone, no connection string",
        field="database",
    ),
    # Both would be shown to whoever may look at it.
    Rule(
        rule="!has(self.username) || !self.username.contains('://')",
        message="give the role's name alone, no URL",
        field="username",
    ),
    Rule(
        rule="!has(self.ca) || !self.ca.contains('PRIVATE KEY-----')",
        message="a private key must not be here: only certificates",
        field="ca",
    ),
)

SOURCE = Kind(
    kind=names.SOURCE_KIND,
    plural=names.SOURCE_PLURAL,
    short="etlsrc",
    description="EtlSource is a database that pipelines read from. Its password lies in a Secret.",
    spec=SourceSpec,
    status=SourceStatus,
    columns=(
        *_CONNECTION_COLUMNS,
        Column(name="WAL", path=".status.walBytes", type="integer", description="Bytes that slots hold back."),
        Column(
            name="Slots", path='.status.conditions[?(@.type=="SlotHealthy")].reason', description="Are they healthy?"
        ),
        *_CONNECTION_WIDE,
    ),
    rules=(*_CONNECTION_RULES, _options(ConnectionType.POSTGRES, of_source=True)),
    selectable=(".spec.name",),
)

DESTINATION = Kind(
    kind=names.DESTINATION_KIND,
    plural=names.DESTINATION_PLURAL,
    short="etldst",
    description="EtlDestination is a database or search engine that pipelines write to. Its password lies in a Secret.",
    spec=DestinationSpec,
    status=DestinationStatus,
    columns=(*_CONNECTION_COLUMNS, *_CONNECTION_WIDE),
    rules=(*_CONNECTION_RULES, _options(ConnectionType.POSTGRES), _options(ConnectionType.ELASTICSEARCH)),
    selectable=(".spec.name",),
)
