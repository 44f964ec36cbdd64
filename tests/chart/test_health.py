"""What `helm test` runs says whether all is well, by its exit code and in words."""

import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from tests.chart.rendering import CHART


class _Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status = 200 if self.path == "/well" else 503
        self.send_response(status)
        self.end_headers()
        self.wfile.write(b'{"db": "unavailable"}' if status == 503 else b'{"db": "ok"}')

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Health) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("path", "code", "said"),
    [("/well", 0, '200 {}/well {{"db": "ok"}}'), ("/ill", 1, '503 {}/ill {{"db": "unavailable"}}')],
)
def test_the_answer_decides(address: str, path: str, code: int, said: str):
    done = _run(address + path)
    assert (done.returncode, (done.stdout + done.stderr).strip()) == (code, said.format(address))


def test_nobody_there_is_a_sentence():
    done = _run("http://127.0.0.1:1/")
    assert done.returncode == 1
    assert done.stderr.startswith("http://127.0.0.1:1/: <urlopen error")
    assert "Traceback" not in done.stderr


def _run(url: str) -> "subprocess.CompletedProcess[str]":
    program = (CHART / "files" / "health.py").read_text()
    command = [sys.executable, "-c", program, url, "0"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
