"""What `up` says at its end, and the programs that the command becomes."""

import dataclasses
import os
from unittest import mock

from tests.unit.local.test_rbac import CLUSTER

from headrace_local.cli import _to_try, psql
from headrace_local.machine.status import Status


def test_three_commands_to_try_are_for_this_very_cluster():
    first, second, third = _to_try("mine", Status(name="mine", state="ready", api="http://127.0.0.1:1")).splitlines()
    assert "http://127.0.0.1:1/api/v1/pipelines" in first
    assert all("--name mine" in line for line in (second, third))


def test_psql_is_given_the_password_by_its_environment_alone(tmp_path, monkeypatch):
    called = []
    cluster = dataclasses.replace(CLUSTER, folder=tmp_path / "mine")
    cluster.folder.mkdir()
    cluster.save()
    elsewhere = {"PGHOSTADDR": "192.0.2.1", "PGSERVICE": "work", "PGOPTIONS": "-c x=y", "PGPORT": "1"}
    monkeypatch.setattr(os, "execv", lambda program, arguments: called.append((program, arguments)))
    with mock.patch.dict(os.environ, {**elsewhere, "HEADRACE_LOCAL_HOME": str(tmp_path)}):
        psql(["-d", "source"], name="mine")
        given = {name: value for name, value in os.environ.items() if name.startswith("PG")}
    ((program, arguments),) = called
    assert program.is_file()
    assert arguments == [str(program), "-d", "source"]
    assert given == {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(cluster.ports.postgres),
        "PGDATABASE": "postgres",
        "PGUSER": "postgres",
        "PGPASSWORD": cluster.passwords.admin,
    }
