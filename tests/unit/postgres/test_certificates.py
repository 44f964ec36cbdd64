"""Whom a connection trusts where nothing says so: those that the machine knows, and only by name."""

import ssl
from pathlib import Path

import pytest

from headrace.postgres.certificates import SYSTEM, machine_authorities, trusting

FULL = {"sslmode": "verify-full"}


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The file with what the machine knows; the environment is silent, and the user has nothing of their own."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "PGSSLROOTCERT", "PGSSLMODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / "authorities.pem"
    file.touch()
    places = ssl.get_default_verify_paths()._replace(cafile=str(file))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: places)
    return str(file)


@pytest.mark.parametrize("given", [FULL, {"sslrootcert": "system"}, {**FULL, "sslrootcert": "system"}], ids=str)
def test_by_name_those_count_that_the_machine_knows(given: dict[str, str], machine: str) -> None:
    assert trusting({"host": "h", **given}) == {"host": "h", **FULL, "sslrootcert": machine}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"sslmode": "require"},
        {"sslmode": "verify-ca"},
        {"sslmode": "require", "sslrootcert": "system"},
        {"sslmode": "verify-ca", "sslrootcert": "system"},
        {**FULL, "sslrootcert": "/etc/database/ca.pem"},
    ],
    ids=str,
)
def test_all_else_is_as_it_was_asked_for(given: dict[str, str]) -> None:
    assert trusting(given) == given


def test_what_the_user_has_counts_as_it_does_for_psql(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PGSSLROOTCERT", "/etc/database/ca.pem")
    assert trusting(FULL) == FULL
    monkeypatch.delenv("PGSSLROOTCERT")
    Path(tmp_path, ".postgresql").mkdir()
    Path(tmp_path, ".postgresql", "root.crt").touch()
    assert trusting(FULL) == FULL


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_where_the_environment_names_a_place_openssl_looks_there_itself(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "/etc/somewhere")
    assert trusting(FULL) == {**FULL, "sslrootcert": SYSTEM}


def test_a_machine_that_knows_nobody_trusts_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "is_file", lambda _: False)
    assert machine_authorities() == SYSTEM
