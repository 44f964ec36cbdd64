"""Secrets: what is in one is only sent to whoever asks for it."""

import json
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from headrace.cluster import Cluster
from headrace.cluster.secrets import METADATA
from headrace.errors import NotFoundError

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: x
contexts: [{{name: x, context: {{cluster: x, user: x}}}}]
clusters: [{{name: x, cluster: {{server: "http://127.0.0.1:{port}"}}}}]
users: [{{name: x, user: {{token: "a token"}}}}]
"""
SECRETS = "/api/v1/namespaces/etl/secrets"
SECRET = {"metadata": {"name": "films", "uid": "1"}, "data": {"password": "cGxhbnRlZA=="}}


class Server:
    """Answers like the API server: with metadata alone where no more was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str, object]] = []

    async def answer(self, request: web.Request) -> web.Response:
        body = json.loads(await request.text() or "null")
        self.asked.append((request.method, request.path, request.content_type, body))
        if request.path.endswith("/missing"):
            status = {"message": "not found", "details": {"name": "missing"}}
            return web.json_response(status, status=404)
        only_metadata = request.headers["Accept"] == METADATA
        return web.json_response({"metadata": SECRET["metadata"]} if only_metadata else SECRET)


@pytest.fixture
async def server():
    """A server and what it was asked."""
    return Server()


@pytest.fixture
async def cluster(server: Server, tmp_path: Path):
    """A cluster of that server."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    async with TestServer(app) as running:
        kubeconfig = tmp_path / "config"
        kubeconfig.write_text(KUBECONFIG.format(port=running.port))
        cluster = await Cluster.connect(namespace="etl", kubeconfig=str(kubeconfig))
        yield cluster
        await cluster.close()


async def test_what_is_in_a_secret_comes_to_whoever_asks_for_it(cluster: Cluster) -> None:
    assert await cluster.get_secret("films") == SECRET


async def test_nothing_of_it_comes_with_its_metadata_or_as_the_answer_to_a_change(cluster: Cluster) -> None:
    answers = [
        await cluster.get_secret_metadata("films"),
        await cluster.create_secret({"metadata": {"name": "films"}, "stringData": {"password": "planted"}}),
        await cluster.patch_secret("films", {"stringData": {"password": "other"}}),
    ]
    assert answers == [{"metadata": SECRET["metadata"]}] * 3


async def test_a_patch_is_for_the_version_and_a_deletion_for_the_object_that_was_seen(
    cluster: Cluster, server: Server
) -> None:
    await cluster.patch_secret("films", {"data": {"a": None}}, resource_version="7")
    await cluster.delete_secret("films", uid="1")
    (patch, deletion) = server.asked
    patched = {"data": {"a": None}, "metadata": {"resourceVersion": "7"}}
    assert patch == ("PATCH", f"{SECRETS}/films", "application/merge-patch+json", patched)
    assert deletion[:2] == ("DELETE", f"{SECRETS}/films")
    assert deletion[3] == {"propagationPolicy": "Background", "preconditions": {"uid": "1"}}


async def test_one_that_is_not_there_is_none_to_read_and_an_error_to_change(cluster: Cluster) -> None:
    assert await cluster.get_secret("missing") is None
    assert await cluster.get_secret_metadata("missing") is None
    with pytest.raises(NotFoundError):
        await cluster.patch_secret("missing", {})
    with pytest.raises(NotFoundError):
        await cluster.delete_secret("missing")
