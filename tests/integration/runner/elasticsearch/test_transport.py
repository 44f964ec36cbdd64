"""The connection to an Elasticsearch: who is let in, whose certificate is taken, and what happens when it is lost."""

import shutil
import socket
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from headrace.errors import PermanentError, TransientError
from headrace.search.endpoint import Endpoint
from headrace.search.settings import ElasticsearchSettings
from headrace_runner.targets.elasticsearch.transport import Connection


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        said = f"{self.command} {self.path} {self.headers['Authorization']} {body.decode()}".encode()
        self.server.connections.add(self.client_address)
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)
        # Without a word of warning, as servers do with connections that idle.
        self.close_connection = self.path == "/and-close"

    def log_message(self, format, *args):  # noqa: A002  # the base class says so
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, tls=None):
        super().__init__(("127.0.0.1", 0), Echo)
        self.connections = set()
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def handle_error(self, request, client_address):
        """Clients that do not trust us are what is tested."""


@pytest.fixture
def serve():
    servers = []

    def make(tls=None):
        servers.append(Server(tls))
        return servers[-1]

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A file with a key and a certificate for `localhost`, signed by itself."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not on this machine")
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    options = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(file), "-out", f"{file}2"]
    subprocess.run(["openssl", *options.split(), *names], check=True, capture_output=True)
    with file.open("a") as both:
        both.write(file.with_name("both.pem2").read_text())
    return file


@pytest.fixture
def secure(serve, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return serve(context)


def connection(url, **settings):
    return Connection(Endpoint.from_settings(ElasticsearchSettings(url=url, **settings)), answer_seconds=5)


def test_requests_share_a_connection_and_keep_the_path_of_the_address(serve):
    server = serve()
    client = connection(f"http://127.0.0.1:{server.port}/behind/", api_key="key")
    for _ in range(3):
        assert client.request("POST", "/_bulk", b"{}").body == b"POST /behind/_bulk ApiKey key {}"
    assert len(server.connections) == 1


def test_a_connection_that_the_server_closed_is_opened_again(serve):
    server = serve()
    client = connection(f"http://127.0.0.1:{server.port}")
    for number in range(3):
        assert client.request("POST", "/and-close", b"%d" % number).body.endswith(b" %d" % number)
    assert len(server.connections) == 3


def test_no_proxy_of_the_environment_is_asked(serve, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert connection(f"http://127.0.0.1:{serve().port}").request("POST", "/").status == 200


def test_a_certificate_is_verified_by_the_given_ca(secure, certificate):
    pem = certificate.with_name("both.pem2").read_text()
    client = connection(f"https://localhost:{secure.port}", ca=pem, username="u", password="p")
    assert client.request("POST", "/x", b"y" * 3_000_000).body.startswith(b"POST /x Basic dTpw yyy")
    assert client.request("POST", "/and-close").status == 200
    assert client.request("POST", "/again").status == 200


def test_a_certificate_of_nobody_that_is_trusted_is_refused(secure):
    with pytest.raises(PermanentError, match="signed by nobody we trust: give the CA"):
        connection(f"https://localhost:{secure.port}").request("POST", "/")


def test_a_certificate_for_another_name_is_refused(secure, certificate):
    pem = certificate.with_name("both.pem2").read_text()
    with pytest.raises(PermanentError, match="for another IP address"):
        connection(f"https://127.0.0.1:{secure.port}", ca=pem).request("POST", "/")


def test_any_certificate_is_taken_only_when_told_so(secure):
    assert connection(f"https://127.0.0.1:{secure.port}", verify=False).request("POST", "/").status == 200


def test_https_where_there_is_none(serve):
    with pytest.raises(PermanentError, match="speaks no TLS: is it http, not https"):
        connection(f"https://127.0.0.1:{serve().port}").request("POST", "/")


def test_http_where_tls_is_spoken(secure):
    with pytest.raises(TransientError):
        connection(f"http://localhost:{secure.port}").request("POST", "/")


def test_a_host_that_nobody_knows():
    with pytest.raises(TransientError, match="host name is not known") as caught:
        connection("http://nobody.invalid").request("POST", "/")
    assert "nobody.invalid" not in caught.value.message


@pytest.mark.parametrize("is_secure", [False, True], ids=["http", "https"])
def test_a_request_that_is_cancelled_ends_at_once_and_so_do_later_ones(is_secure, certificate):
    silent = socket.create_server(("127.0.0.1", 0))
    settings = {"verify": False} if is_secure else {}
    client = connection(f"{'https' if is_secure else 'http'}://127.0.0.1:{silent.getsockname()[1]}", **settings)
    ends = []

    def accept():
        end, _ = silent.accept()
        if is_secure:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            end = context.wrap_socket(end, server_side=True)
        ends.append(end)

    threading.Thread(target=accept, daemon=True).start()
    threading.Timer(0.5, client.cancel).start()
    with pytest.raises(TransientError, match="cancelled"):
        client.request("POST", "/")
    with pytest.raises(TransientError, match="cancelled"):
        client.request("POST", "/")
    for end in (silent, *ends):
        end.close()
