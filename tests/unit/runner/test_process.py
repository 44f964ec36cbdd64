"""The process around a run: environment, signals, last word, and how little it imports."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from headrace.errors import PermanentError, StoppedError, TransientError
from headrace.search.settings import ElasticsearchSettings
from headrace.store.progress import Progress
from headrace_runner.credentials import dsn_of, elasticsearch_of
from headrace_runner.settings import Settings
from headrace_runner.stop import Stop
from headrace_runner.targets import TARGETS, open_target
from headrace_runner.termination import LIMIT, write_termination

ENVIRON = {
    "HEADRACE_RUN_ID": "r",
    "HEADRACE_EPOCH": "1790000000000",
    "HEADRACE_STORE_DSN": "store",
    "HEADRACE_SOURCE_DSN": "source",
    "HEADRACE_TARGET_DSN": "target",
    "ALLOWED_TARGET_TABLES": "analytics.*, es:film_dim",
}


def test_the_environment_names_the_run():
    settings = Settings.from_environ({**ENVIRON, "HEADRACE_GRACE_SECONDS": "3"})
    assert (settings.epoch, settings.grace_seconds) == (1790000000000, 3.0)
    assert settings.allowed_targets == ("analytics.*", "es:film_dim")


@pytest.mark.parametrize("name", sorted(set(ENVIRON) - {"HEADRACE_TARGET_DSN", "ALLOWED_TARGET_TABLES"}))
def test_a_missing_variable_is_named(name):
    with pytest.raises(PermanentError, match=name):
        Settings.from_environ({**ENVIRON, name: ""})


@pytest.mark.parametrize(("kind", "missing"), [("postgres", "TARGET_DSN"), ("elasticsearch", "ELASTICSEARCH_URL")])
def test_what_only_the_target_needs_is_missed_by_the_target(kind, missing):
    settings = Settings.from_environ({**ENVIRON, "HEADRACE_TARGET_DSN": ""})
    with pytest.raises(PermanentError, match=f"HEADRACE_{missing}"):
        open_target(type("Spec", (), {"target_kind": kind})(), settings, "")


def test_how_an_index_is_reached_comes_from_the_environment_and_is_not_shown():
    variables = {"URL": "https://u:secret@search", "API_KEY": "secret", "CA": "secret", "VERIFY": "false"}
    environ = ENVIRON | {f"HEADRACE_ELASTICSEARCH_{name}": value for name, value in variables.items()}
    reached = Settings.from_environ(environ).elasticsearch
    assert reached is not None
    assert (reached.api_key, reached.username, reached.verify) == ("secret", None, False)
    assert "secret" not in repr(reached)
    with pytest.raises(PermanentError, match="Elasticsearch: verify is neither true nor false"):
        Settings.from_environ(environ | {"HEADRACE_ELASTICSEARCH_VERIFY": "no"})


PARTS = {"SOURCE_DSN": "source_dsn", "TARGET_DSN": "target_dsn", "ELASTICSEARCH": "elasticsearch"}


@pytest.mark.parametrize("name", PARTS)
def test_a_file_may_say_how_a_server_is_reached(name):
    others = {key: value for key, value in ENVIRON.items() if key != f"HEADRACE_{name}"}
    settings = Settings.from_environ({**others, f"HEADRACE_{name}_FILE": "/etc/headrace/connections/x"})
    assert getattr(settings, PARTS[name]) == Path("/etc/headrace/connections/x")


@pytest.mark.parametrize("name", PARTS)
def test_a_server_is_reached_in_one_way(name):
    variable = "ELASTICSEARCH_URL" if name == "ELASTICSEARCH" else name
    environ = {**ENVIRON, f"HEADRACE_{variable}": "secret", f"HEADRACE_{name}_FILE": "/secret"}
    words = f"The environment has HEADRACE_{variable} and HEADRACE_{name}_FILE: leave one of them out"
    with pytest.raises(PermanentError) as refusal:
        Settings.from_environ(environ)
    assert refusal.value.message == words


def test_no_secret_is_shown():
    settings = Settings.from_environ({**ENVIRON, "HEADRACE_SOURCE_DSN": "secret", "HEADRACE_TARGET_DSN": "secret"})
    assert "secret" not in repr(settings)


def test_a_file_is_read_anew_each_time(tmp_path):
    file = tmp_path / "source"
    for text in ("host=a password=old", "host=a password=new"):
        file.write_text(f"{text}\n")
        assert dsn_of(file, "the source") == text
    assert dsn_of("host=a", "the source") == "host=a"


def test_a_file_that_is_not_there_yet_may_come(tmp_path):
    (tmp_path / "empty").touch()
    cases = {
        "absent": "The source: the file that says how it is reached is missing",
        "empty": "The source: the file with its connection string is empty",
        ".": "The source: the file that says how it is reached can't be read",
    }
    for name, words in cases.items():
        with pytest.raises(TransientError) as refusal:
            dsn_of(tmp_path / name, "the source")
        assert refusal.value.message == words
    with pytest.raises(TransientError, match="Elasticsearch: the file that says how it is reached is missing"):
        elasticsearch_of(tmp_path / "absent")


def test_a_file_holds_all_that_the_environment_could_say_of_elasticsearch(tmp_path):
    file = tmp_path / "elasticsearch"
    access = {"url": "https://search", "username": "u", "password": "secret"}
    file.write_text(json.dumps({**access, "ca": "", "api_key": None, "verify": "false"}))
    assert elasticsearch_of(file) == ElasticsearchSettings(**access, verify=False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("secret", "HEADRACE_ELASTICSEARCH_FILE names a file that holds no JSON object of texts"),
        ('["secret"]', "HEADRACE_ELASTICSEARCH_FILE names a file that holds no JSON object of texts"),
        ('{"url": "x", "verify": true}', "HEADRACE_ELASTICSEARCH_FILE names a file that holds no JSON object of texts"),
        ('{"password": "secret"}', "HEADRACE_ELASTICSEARCH_FILE names a file without a url"),
        ('{"url": "secret", "verify": "no"}', "Elasticsearch: verify is neither true nor false"),
    ],
)
def test_a_file_that_says_nothing_of_elasticsearch_is_told_and_not_shown(tmp_path, text, words):
    file = tmp_path / "elasticsearch"
    file.write_text(text)
    with pytest.raises(PermanentError) as refusal:
        elasticsearch_of(file)
    assert refusal.value.message == words


def test_a_number_that_is_none_is_named_and_not_shown():
    with pytest.raises(PermanentError, match="HEADRACE_EPOCH is not a number"):
        Settings.from_environ({**ENVIRON, "HEADRACE_EPOCH": "secret"})


def test_a_sleeper_wakes_when_the_run_has_to_stop():
    stop = Stop(grace_seconds=60)
    stop.check()
    threading.Timer(0.05, stop.request).start()
    started = time.monotonic()
    with pytest.raises(StoppedError):
        stop.wait(30)
    assert time.monotonic() - started < 5
    assert not stop.has_expired()


def test_a_signal_is_heard_whatever_this_thread_holds():
    # The signal comes while the main thread is inside the event, most of the time.
    program = """
import os, signal, threading
from headrace.errors import StoppedError
from headrace_runner.stop import Stop
for _ in range(20):
    stop = Stop(60)
    stop.install(lambda: None)
    threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGTERM)).start()
    try:
        while True:
            stop.check()
    except StoppedError:
        pass
os._exit(75)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=20).returncode == 75


def test_after_the_grace_period_the_statement_in_hand_is_ended():
    stop, ended = Stop(grace_seconds=0.05), threading.Event()
    stop.on_expiry(ended.set)
    stop.request()
    assert ended.wait(5)
    assert stop.has_expired()


def test_the_last_word_fits_into_the_termination_message(tmp_path):
    log = tmp_path / "termination-log"
    counts = {"rows_read": 4, "rows_written": 2, "bad_rows": 1, "batches": 1}
    progress = Progress(sequence=1, **counts)
    write_termination(log, progress, outcome="DONE", message=None)
    assert not log.exists(), "Kubernetes makes it; elsewhere there is none"
    log.touch()
    write_termination(log, progress, outcome="FAILED", message="ü" * 10_000)
    assert len(log.read_bytes()) < LIMIT
    assert json.loads(log.read_text())["outcome"] == "FAILED"
    assert {name: json.loads(log.read_text())[name] for name in counts} == counts


def test_every_target_can_be_imported():
    import importlib

    for path in TARGETS.values():
        module, name = path.split(":")
        assert getattr(importlib.import_module(module), name)
    with pytest.raises(PermanentError, match="not supported yet"):
        open_target(type("Spec", (), {"target_kind": "x"})(), Settings.from_environ(ENVIRON), "")


LOADED = "import sys; before = set(sys.modules); import {modules}; print(*(set(sys.modules) - before))"
RUNNER = (
    "headrace_runner.__main__, headrace_runner.run, "
    "headrace_runner.targets.postgres.target, headrace_runner.sources.postgres.source"
)


def loaded_with(modules: str) -> set[str]:
    """The names of all modules that an import brings into a fresh interpreter."""
    return set(subprocess.check_output([sys.executable, "-c", LOADED.format(modules=modules)], text=True).split())


def test_the_runner_imports_little_more_than_psycopg():
    """Every module costs each run 0.2 to 1 ms. psycopg brings 262, 0.13 s; without the others it is 0.2 s in all."""
    with_runner = loaded_with(RUNNER)
    heavy = {"pydantic", "sqlglot", "kubernetes", "kopf", "yoyo", "structlog", "psycopg_pool", "http", "uuid"}
    assert heavy.isdisjoint(with_runner)
    ours = {name for name in with_runner if name.startswith("headrace")}
    assert len(ours) <= 95, sorted(ours)
    # unicodedata only where a module is compiled, not read from its .pyc.
    others = with_runner - ours - loaded_with("psycopg") - {"unicodedata"}
    assert len(others) <= 5, sorted(others)


def test_a_job_without_a_list_of_allowed_targets_is_refused_and_one_with_an_empty_list_allows_nothing():
    without = {name: value for name, value in ENVIRON.items() if name != "ALLOWED_TARGET_TABLES"}
    with pytest.raises(PermanentError, match="The environment lacks ALLOWED_TARGET_TABLES"):
        Settings.from_environ(without)
    assert Settings.from_environ({**without, "ALLOWED_TARGET_TABLES": ""}).allowed_targets == ()


def test_what_the_environment_lacks_is_said_in_the_termination_message(tmp_path):
    log = tmp_path / "termination-log"
    log.touch()
    without = {name: value for name, value in ENVIRON.items() if name != "ALLOWED_TARGET_TABLES"}
    environ = {**os.environ, **without, "HEADRACE_TERMINATION_LOG": str(log)}
    assert subprocess.run([sys.executable, "-m", "headrace_runner"], env=environ, check=False).returncode == 64
    word = json.loads(log.read_text())
    assert (word["outcome"], word["message"]) == ("FAILED", "The environment lacks ALLOWED_TARGET_TABLES")
