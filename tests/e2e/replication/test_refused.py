"""Sources and destinations that make no sense: the API server itself refuses them, and says why."""

import json

import pytest

from headrace_local.kubectl import KubectlError

GOOD = {"name": "films", "host": "db.example.org", "database": "films", "username": "reader"}
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
PASSWORD = "planted-in-the-wrong-place"

NEVER = {
    "port 0": ({"port": 0}, "spec.port.*greater than or equal to 1"),
    "port 65536": ({"port": 65_536}, "spec.port.*less than or equal to 65535"),
    "a port that is no number": ({"port": "many"}, "spec.port"),
    "an unknown type": ({"type": "oracle"}, "spec.type: Unsupported value"),
    "no name": ({"name": None}, "spec.name: Required value"),
    "an empty name": ({"name": ""}, "spec.name"),
    "an empty host": ({"host": ""}, "spec.host"),
    "a host with a path": ({"host": "db.example.org/films"}, "spec.host"),
    "a host that is a URL": ({"host": "postgresql://db.example.org"}, "spec.host"),
    "a host with a password": ({"host": f"reader:{PASSWORD}@db.example.org"}, "spec.host"),
    "a host with a space": ({"host": "db example"}, "spec.host"),
    "several hosts": ({"host": "one,two"}, "spec.host"),
    "no host": ({"host": None}, "give host and database, or a connectionSecret"),
    "a host and a connection string": (
        {"connectionSecret": {"name": "dsn", "key": "source"}}, "give host and database, or a connectionSecret",
    ),
    "a password beside a connection string": (
        {"host": None, "connectionSecret": {"name": "dsn", "key": "dsn"}, "passwordSecret": {"name": "p"}},
        "in the connectionSecret",
    ),
    "no database": ({"database": None}, "database is needed"),
    "a database that is a connection string": (
        {"database": f"dbname=films password={PASSWORD}"}, "give the database's name alone, no connection string",
    ),
    "a password as a field": ({"password": PASSWORD}, "unknown field"),
    "a password among the options": ({"options": {"password": PASSWORD}}, "a password goes into passwordSecret"),
    "an option that is not on the list": ({"options": {"options": "-c log_statement=all"}}, "options of postgres are"),
    "a file of the operator's": ({"options": {"sslrootcert": "/etc/passwd"}}, "options of postgres are"),
    "certificates that count for nothing": (
        {"ca": CERTIFICATE, "options": {"sslmode": "require"}}, "ca needs sslmode verify-ca or verify-full",
    ),
    "a connection string of no key": (
        {"host": None, "database": None, "connectionSecret": {"name": "dsn"}}, "connectionSecret.key: Required value",
    ),
    "a user that is a connection string": ({"username": f"postgres://reader:{PASSWORD}@db"}, "the role's name alone"),
    "a private key as CA": (
        {"ca": f"{CERTIFICATE}\n-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----"}, "only certificates",
    ),
    "a Secret of no name": ({"passwordSecret": {"key": "password"}}, "passwordSecret.name: Required value"),
    "a Secret elsewhere": ({"passwordSecret": {"name": "../kube-system/secrets/x"}}, "passwordSecret.name"),
}  # fmt: skip
"""What is changed in a good specification, and what kubectl says of it."""
NEVER_A_SOURCE = {
    "an index as a source": ({"type": "elasticsearch"}, "spec.type: Unsupported value"),
    "one connection, which is the operator's": ({"maxConnections": 1}, "maxConnections.*greater than or equal to 2"),
    "a slot that may hold back nothing": ({"wal": {"slotBytes": 0}}, "slotBytes"),
    "more bytes than there are": ({"wal": {"diskBytes": 2**63 - 1}}, "diskBytes"),
    "time that is no duration": ({"wal": {"timeLeft": "soon"}}, "timeLeft"),
}
NEVER_A_DESTINATION = {
    "connections of a destination": ({"maxConnections": 5}, "unknown field"),
    "an option of another type": (
        {"type": "elasticsearch", "options": {"sslmode": "require"}}, "options of elasticsearch are",
    ),
    "a password among an index's options": (
        {"type": "elasticsearch", "options": {"api_key": PASSWORD}}, "a password goes into passwordSecret",
    ),
}  # fmt: skip
CASES = [
    (kind, what, *case)
    for kinds, cases in (
        (("EtlSource", "EtlDestination"), NEVER),
        (("EtlSource",), NEVER_A_SOURCE),
        (("EtlDestination",), NEVER_A_DESTINATION),
    )
    for kind in kinds
    for what, case in cases.items()
]


def tried(world, kind, spec):
    manifest = {"apiVersion": "headrace.dev/v1alpha1", "kind": kind, "metadata": {"name": "tried"}, "spec": spec}
    world.kubectl.run("create", "--dry-run=server", "--validate=strict", "-f", "-", stdin=json.dumps(manifest))


@pytest.mark.parametrize(("kind", "change", "said"), [(kind, *case) for kind, _, *case in CASES],
                         ids=[f"{kind}: {what}" for kind, what, *_ in CASES])  # fmt: skip
def test_what_makes_no_sense_is_refused_by_kubectl(world, kind, change, said):
    spec = {field: value for field, value in (GOOD | change).items() if value is not None}
    with pytest.raises(KubectlError, match=said):
        tried(world, kind, spec)


@pytest.mark.parametrize("kind", ["EtlSource", "EtlDestination"])
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"host": "192.0.2.1"},
        {"host": "2001:db8::1", "port": 65_535},
        {"options": {"sslmode": "verify-full", "application_name": "a name of ours"}},
        {"name": "Фильмы и люди"},
        {"host": None, "database": None, "username": None, "connectionSecret": {"name": "dsn", "key": "source"}},
    ],
    ids=str,
)
def test_what_makes_sense_is_taken(world, kind, change):
    tried(world, kind, {field: value for field, value in (GOOD | change).items() if value is not None})


def test_an_index_is_a_destination(world):
    spec = {"name": "search", "type": "elasticsearch", "host": "search.example.org", "options": {"scheme": "http"}}
    tried(world, "EtlDestination", spec)
