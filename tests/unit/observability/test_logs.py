"""Every line of every role is a JSON object with the same fields: read from real processes."""

import io
import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from headrace_runner.log import Log

ALWAYS = {"timestamp", "level", "event", "logger"}
DOCS = (Path(__file__).parents[3] / "docs/observability.md").read_text()
NOBODY = "postgresql://user:hidden@127.0.0.1:1/store"
BOUND = """
import logging, structlog
from headrace.logs import configure_logs, logger
configure_logs("INFO", least={})
structlog.contextvars.bind_contextvars(request_id="r-1", pipeline="films")
logger("ours").info("it begins", run_id="u-1")
logging.getLogger("theirs").warning("it is %s", "late")
try:
    1 / 0
except ZeroDivisionError:
    logger("ours").exception("it failed")
logger("ours").debug("nobody hears this")
"""


def lines(text: str) -> list[dict[str, object]]:
    """Each line as an object; fails for any that is none."""
    return [json.loads(line) for line in text.splitlines()]


def assert_same_fields(found: list[dict[str, object]]) -> None:
    assert found
    for line in found:
        assert line.keys() >= ALWAYS
        assert str(line["timestamp"]).endswith("Z")
        assert line["level"] in {"debug", "info", "warning", "error"}


def test_lines_of_ours_and_of_libraries_carry_what_is_bound():
    done = subprocess.run([sys.executable, "-c", BOUND], capture_output=True, text=True, check=True)
    found = lines(done.stderr)
    assert_same_fields(found)
    assert [(line["logger"], line["level"]) for line in found] == [
        ("ours", "info"), ("theirs", "warning"), ("ours", "error"),
    ]  # fmt: skip
    assert all((line["request_id"], line["pipeline"]) == ("r-1", "films") for line in found)
    assert "ZeroDivisionError" in str(found[2]["exception"])
    assert found[0]["run_id"] == "u-1"


def test_a_runner_says_whose_run_it_is_with_the_fields_of_the_others():
    stream = io.StringIO()
    log = Log("u-1", stream)
    log.info("Starting")
    log.name_pipeline("films")
    log.warning('it is "late"\nand ünicode')
    found = lines(stream.getvalue())
    assert_same_fields(found)
    assert [(line["run_id"], line.get("pipeline")) for line in found] == [("u-1", None), ("u-1", "films")]
    assert [line.level for line in log.take()] == ["INFO", "WARNING"]


def test_a_runner_that_can_not_begin_says_so_in_json():
    environ = {**os.environ, "HEADRACE_RUN_ID": "u-1"}
    done = subprocess.run(
        [sys.executable, "-m", "headrace_runner"], capture_output=True, text=True, check=False, env=environ
    )
    found = lines(done.stdout)
    assert_same_fields(found)
    assert {line["run_id"] for line in found} == {"u-1"}
    assert done.stderr == ""


@pytest.fixture
def kubeconfig(tmp_path: Path) -> str:
    """Names an API server that is not there."""
    cluster = {"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    content = {"clusters": [cluster], "contexts": [context], "users": [{"name": "u", "user": {}}]}
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "c", **content}))
    return str(path)


def get(url: str, request_id: str) -> int:
    """Asks until somebody is there."""
    request = urllib.request.Request(url, headers={"X-Request-ID": request_id})
    for _ in range(300):
        try:
            return int(urllib.request.urlopen(request, timeout=10).status)
        except urllib.error.HTTPError as answer:
            return answer.code
        except OSError:
            time.sleep(0.1)
    raise AssertionError("nobody listens")


def test_an_api_says_everything_in_json_under_the_id_of_the_request(kubeconfig, unused_tcp_port):
    environ = {**os.environ, "HEADRACE_STORE_DSN": NOBODY, "KUBECONFIG": kubeconfig, "PORT": str(unused_tcp_port)}
    api = subprocess.Popen(
        [sys.executable, "-m", "headrace_api"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ
    )
    try:
        assert get(f"http://127.0.0.1:{unused_tcp_port}/api/v1/pipelines", "mine-7") == 503
        assert get(f"http://127.0.0.1:{unused_tcp_port}/metrics", "mine-8") == 200
    finally:
        api.terminate()
        output, errors = api.communicate(timeout=60)
    found = lines(errors)
    assert_same_fields(found)
    assert output == ""
    about = [line for line in found if line.get("request_id") == "mine-7"]
    assert [line["event"] for line in about] == ["unavailable", "request"]
    assert (about[1]["path"], about[1]["status"]) == ("/api/v1/pipelines", 503)
    assert all(line.get("request_id") != "mine-8" for line in found), "Prometheus comes every few seconds"
    assert "hidden" not in errors


def test_an_operator_that_waits_for_the_store_says_so_in_json(kubeconfig, unused_tcp_port):
    environ = {
        **os.environ,
        "HEADRACE_STORE_DSN": NOBODY,
        "KUBECONFIG": kubeconfig,
        "HEADRACE_PROBE_PORT": str(unused_tcp_port),
    }
    operator = subprocess.Popen(
        [sys.executable, "-m", "headrace_operator"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env=environ,
    )  # fmt: skip
    try:
        assert get(f"http://127.0.0.1:{unused_tcp_port}/metrics", "") == 200
        time.sleep(1)
    finally:
        operator.terminate()
        _, errors = operator.communicate(timeout=60)
    assert_same_fields(lines(errors))
    assert "hidden" not in errors


@pytest.mark.parametrize("field", sorted(ALWAYS | {"request_id", "run_id", "pipeline", "exception"}))
def test_fields_are_documented(field):
    assert f"| `{field}` |" in DOCS
