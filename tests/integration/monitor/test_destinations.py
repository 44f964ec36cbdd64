"""Destinations, looked at for real: what may be made there, and that a standby is none."""

import time
from collections.abc import Iterator

import pytest
from tests.integration.conftest import PASSWORD, OwnServer, Server, start_own_server, wheels
from tests.integration.monitor.monitored import DESTINATION, SOURCE, World, execute

RIGHTS: dict[str, tuple[list[str], str, str]] = {
    "all": (["GRANT CREATE ON DATABASE {database} TO {role}"], "MayCreate", "The role may make schemas and tables"),
    "a schema": (
        ["CREATE SCHEMA headrace AUTHORIZATION {role}", "CREATE SCHEMA analytics AUTHORIZATION {role}"],
        "MayCreate",
        "The role may make tables in analytics, but no schemas",
    ),
    "only checkpoints": (
        ["CREATE SCHEMA headrace AUTHORIZATION {role}"],
        "MayNotCreate",
        "The role may make no schemas or tables: those of pipelines must be there, or run there: GRANT CREATE",
    ),
    "no checkpoints": (
        ["CREATE SCHEMA analytics AUTHORIZATION {role}"],
        "MayNotCreate",
        "Runs can't keep their checkpoints there; run there: CREATE SCHEMA headrace AUTHORIZATION",
    ),
    "checkpoints of others": (
        ["CREATE SCHEMA headrace", "CREATE TABLE headrace.pipeline_checkpoints ()"],
        "MayNotCreate",
        "Runs can't keep their checkpoints there; run there: GRANT USAGE ON SCHEMA headrace TO",
    ),
}


@pytest.mark.parametrize("case", RIGHTS)
async def test_a_destination_says_what_may_be_made_there(world: World, server: Server, case: str) -> None:
    grants, reason, message = RIGHTS[case]
    database, role = server.create_database(), f"writer_{time.monotonic_ns()}"
    revoke = "REVOKE CREATE ON SCHEMA public FROM PUBLIC"
    create = f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'"
    execute(server.dsn(database), create, revoke, *(g.format(database=database, role=role) for g in grants))
    try:
        world.add(DESTINATION, "warehouse", server.dsn(database), username=role)
        await world.until_condition(DESTINATION, "warehouse", reason, "CanCreate")
        assert world.message(DESTINATION, "warehouse", "CanCreate").startswith(message)
        assert world.condition(DESTINATION, "warehouse") == ("True", "Connected")
    finally:
        world.kubernetes.remove(DESTINATION, "warehouse")
        server.drop_database(database)
        execute(server.dsn(), f"DROP ROLE {role}")


@pytest.fixture(scope="module")
def standby() -> Iterator[OwnServer]:
    """A server that replays WAL that never comes."""
    for server in start_own_server(wheels(), OwnServer):
        server.stop()
        (server._data / "standby.signal").touch()
        server.start()
        yield server


async def test_a_standby_can_be_a_source_and_no_destination(world: World, standby: OwnServer) -> None:
    world.add(DESTINATION, "warehouse", standby.dsn())
    world.add(SOURCE, "replica", standby.dsn())
    await world.until_condition(DESTINATION, "warehouse", "Standby")
    await world.until_condition(SOURCE, "replica", "Connected")
    execute(standby.dsn(), "SELECT pg_create_physical_replication_slot('of_the_standby', true)")
    await world.until_condition(SOURCE, "replica", "SlotsRead", "SlotHealthy")
