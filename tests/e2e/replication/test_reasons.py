"""Why a source or destination can't be used: its condition Ready has a word and a sentence for each of them."""

import re

import pytest
from tests.e2e.replication.connections import condition
from tests.e2e.replication.servers import authority, closed_port, silent
from tests.integration.conftest import PASSWORD

REASONS = {
    "host unknown": "HostUnknown",
    "connection refused": "ConnectionRefused",
    "no answer": "NoAnswer",
    "wrong password": "LoginRefused",
    "no password": "LoginRefused",
    "unknown role": "LoginRefused",
    "no TLS there": "TlsFailed",
    "a CA that is another's": "TlsFailed",
    "a certificate for another host": "TlsFailed",
    "database missing": "DatabaseMissing",
    "too many connections": "TooManyConnections",
    "no Secret": "SecretMissing",
    "no such key in the Secret": "SecretMissing",
    "a Secret without the label": "SecretNotAllowed",
    "the store's own connection": "SecretNotAllowed",
    "the Secret holds no connection string": "InvalidSpec",
    "an option's value is wrong": "InvalidSpec",
    "no certificate in CA": "InvalidSpec",
}
"""What is wrong on purpose, and the word for it."""


@pytest.fixture(scope="module")
def black_hole():
    with silent() as port:
        yield port


@pytest.fixture(scope="module")
def wrong(connections, black_hole, standby, tls_port, signer, tmp_path_factory):
    """What of a good source is changed, by what is wrong with it."""
    other = authority(tmp_path_factory.mktemp("other"))
    full = {"sslmode": "verify-full"}
    ours = {"database": "postgres", "username": "postgres", "port": tls_port, "options": full}
    unlabelled = connections.secret({"password": "not-for-us"}, labels={})
    garbage = connections.secret({"dsn": "postgresql://somebody:planted-garbage@host:port/x"})
    whole = dict.fromkeys(("host", "port", "database", "username", "passwordSecret"))
    return {
        "host unknown": {"host": "nowhere.invalid"},
        "connection refused": {"port": closed_port()},
        "no answer": {"port": black_hole},
        "wrong password": {"passwordSecret": {"name": connections.secret({"password": "planted-wrong"})}},
        "no password": {"passwordSecret": None},
        "unknown role": {"username": "nobody_here"},
        "no TLS there": {"options": full},
        "a CA that is another's": {**ours, "ca": other.pem},
        "a certificate for another host": {**ours, "host": "localhost", "ca": signer.pem},
        "database missing": {"database": "nowhere"},
        "too many connections": {},
        "no Secret": {"passwordSecret": {"name": "no-such-secret"}},
        "no such key in the Secret": {"passwordSecret": {"name": garbage, "key": "nothing"}},
        "a Secret without the label": {"passwordSecret": {"name": unlabelled}},
        "the store's own connection": {**whole, "connectionSecret": {"name": "headrace-dsn", "key": "store"}},
        "the Secret holds no connection string": {**whole, "connectionSecret": {"name": garbage, "key": "dsn"}},
        "an option's value is wrong": {"options": {"sslmode": "sometimes"}},
        "no certificate in CA": {"ca": "nothing of the sort"},
    }


@pytest.fixture(scope="module")
def tried(connections, wrong):
    """All of them as sources and destinations, applied at once; by kind and what is wrong."""
    assert list(wrong) == list(REASONS)
    logins = {"": connections.role(), "too many connections": connections.role("CONNECTION LIMIT 0")}
    secrets = {what: {"name": connections.secret({"password": login.password})} for what, login in logins.items()}
    made = {}
    for what, change in wrong.items():
        of = what if what in logins else ""
        for kind in ("EtlSource", "EtlDestination"):
            spec = {"passwordSecret": secrets[of], **change}
            made[kind, what] = connections.manifest(kind, logins[of], **spec), logins[of]
    connections.apply(*(manifest for manifest, _ in made.values()))
    return made


@pytest.mark.parametrize("what", REASONS)
@pytest.mark.parametrize("kind", ["EtlSource", "EtlDestination"])
def test_ready_says_what_is_wrong(connections, tried, kind, what):
    manifest, login = tried[kind, what]
    found = connections.wait(manifest, "Ready", lambda ready: ready["reason"] == REASONS[what], seconds=45)
    ready = condition(found, "Ready")
    assert ready["status"] == "False"
    assert len(ready["message"]) > 20, "a sentence"
    assert login.password not in str(found)
    assert "planted" not in str(found["status"])
    assert ready["observedGeneration"] == found["metadata"]["generation"]


def test_a_standby_is_a_good_source_by_tls_and_no_destination(connections, standby, tls_port, signer):
    secret = connections.secret({"password": PASSWORD})
    spec = {
        "port": tls_port,
        "database": "postgres",
        "username": "postgres",
        "passwordSecret": {"name": secret},
        "options": {"sslmode": "verify-full"},
        "ca": signer.pem,
    }
    source, destination = (connections.manifest(kind, **spec) for kind in ("EtlSource", "EtlDestination"))
    connections.apply(source, destination)
    connections.wait(source, "Ready", lambda ready: ready["status"] == "True")
    found = connections.wait(destination, "Ready", lambda ready: ready["status"] == "False")
    assert condition(found, "Ready")["reason"] == "Standby"
    name = source["metadata"]["name"]
    body = connections.world.spec(source_query="SELECT id, title FROM public.films", source=name)
    made = connections.world.applied(body)
    run = connections.world.done(made, connections.world.api.run(made["id"])["run_id"])
    assert run["rows_read"] == 30, "its pod verifies the server's certificate too"


def test_a_good_one_says_so_in_conditions_columns_and_to_those_who_wait(world, connections):
    login = connections.role()
    world.target(f"GRANT CREATE ON DATABASE target TO {login.name}")
    (version,) = world.source("SHOW server_version")[0]
    for kind in ("EtlSource", "EtlDestination"):
        manifest = connections.manifest(kind, login)
        name = manifest["metadata"]["name"]
        connections.apply(manifest)
        world.kubectl.run("wait", kind, name, "--for=condition=Ready", "--timeout=45s")
        found = world.kubectl.get(kind, name)
        status = found["status"]
        assert condition(found, "Ready").items() >= {"status": "True", "reason": "Connected"}.items()
        assert version.split()[0] in status["serverVersion"]
        database = manifest["spec"]["database"]
        assert status["connection"] == {**connections.address, "database": database, "username": login.name}
        assert status["pipelines"] == 0
        assert status["observedGeneration"] == found["metadata"]["generation"]
        head, row = world.kubectl.run("get", kind, name).splitlines()
        assert re.split(r"\s{2,}", head)[:6] == ["NAME", "TYPE", "HOST", "DATABASE", "READY", "REASON"]
        assert row.split()[:6] == [name, "postgres", "127.0.0.1", database, "True", "Connected"]
        assert name in world.kubectl.run("get", "etl", "-o", "name")


def test_what_the_role_may_do_is_a_condition(world, connections):
    reader = connections.role()
    source, destination = (connections.manifest(kind, reader) for kind in ("EtlSource", "EtlDestination"))
    connections.apply(source, destination)
    found = connections.wait(source, "SourceReadOnly", lambda seen: seen["status"] != "Unknown")
    assert condition(found, "SourceReadOnly").items() >= {"status": "True", "reason": "SourceOnlyReads"}.items()
    # A member of target_writer, which owns the database.
    found = connections.wait(destination, "CanCreate", lambda seen: seen["status"] != "Unknown")
    assert condition(found, "CanCreate").items() >= {"status": "True", "reason": "MayCreate"}.items()
    nobody = connections.manifest("EtlDestination", connections.role(reads=False))
    connections.apply(nobody)
    found = connections.wait(nobody, "CanCreate", lambda seen: seen["status"] != "Unknown")
    assert condition(found, "CanCreate").items() >= {"status": "False", "reason": "MayNotCreate"}.items()
    assert condition(found, "Ready")["status"] == "True", "it may write into tables that are there"


def test_the_defaults_of_the_installation_are_resources_like_others(world, connections):
    """Made of its Secret; pipelines that name nothing use them, and show so."""
    for kind, used in (("EtlSource", "source"), ("EtlDestination", "target")):
        found = world.kubectl.get(kind, "default")
        assert found["spec"]["connectionSecret"] == {"name": "headrace-dsn", "key": used}
        found = connections.wait(found, "Ready", lambda ready: ready["status"] == "True")
        assert found["status"]["connection"].items() >= {**connections.address, "database": used}.items()
    before = world.kubectl.get("EtlSource", "default")["status"]["pipelines"]
    world.pipeline(rows=1)
    world.wait_for_resource("EtlSource", "default", lambda found: found["status"]["pipelines"] > before, seconds=30)


def test_what_was_wrong_is_mended_without_a_touch_of_the_source(world, connections):
    """Nothing tells that a Secret was made, or a role let in: it is tried again, less and less often."""
    logins = {what: connections.role() for what in ("missing", "unlabelled", "limited", "wrong")}
    missing = f"later-{logins['missing'].name.replace('_', '-')}"
    unlabelled = connections.secret({"password": logins["unlabelled"].password}, labels={})
    wrong = connections.secret({"password": "wrong"})
    world.source(f"ALTER ROLE {logins['limited'].name} CONNECTION LIMIT 0")
    secrets = {"missing": missing, "unlabelled": unlabelled, "wrong": wrong}
    changes = {what: {"passwordSecret": {"name": name}} for what, name in secrets.items()}
    made = {what: connections.manifest("EtlSource", login, **changes.get(what, {})) for what, login in logins.items()}
    connections.apply(*made.values())
    for manifest in made.values():
        connections.wait(manifest, "Ready", lambda ready: ready["status"] == "False", seconds=30)
    connections.put_secret(missing, {"password": logins["missing"].password})
    world.kubectl.run("label", "secret", unlabelled, "headrace.dev/credentials=true")
    connections.put_secret(wrong, {"password": logins["wrong"].password})
    world.source(f"ALTER ROLE {logins['limited'].name} CONNECTION LIMIT 5")
    for manifest in made.values():
        connections.wait(manifest, "Ready", lambda ready: ready["status"] == "True", seconds=60)


def test_the_younger_of_two_with_one_name_says_so(connections):
    login = connections.role()
    first = connections.source(login)
    second = connections.manifest("EtlSource", login, name=first["spec"]["name"])
    connections.apply(second)
    connections.wait(second, "Ready", lambda ready: ready["reason"] == "DuplicateName")
    connections.wait(first, "Ready", lambda ready: ready["status"] == "True", seconds=1)


def test_no_password_was_told_to_anybody(world, connections, tried):
    """After all that failed: neither Events nor the log, nor a status."""
    told = world.kubectl.run("get", "events,etlsources,etldestinations", "-o", "yaml") + world.log("operator", 10**6)
    assert "LoginRefused" in told, "it was looked at"
    found = [login.password for _, login in tried.values() if login.password in told]
    assert found == []
    assert "planted" not in told
