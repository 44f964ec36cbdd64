"""The pages of the documentation may load what they need, and nothing else."""

import base64
import hashlib

import pytest

from headrace_api.routes.docs import policy


@pytest.mark.parametrize(
    ("assets", "origin"),
    [
        ("https://cdn.jsdelivr.net/npm", "https://cdn.jsdelivr.net"),
        ("http://mirror.internal:8080/npm", "http://mirror.internal:8080"),
        ("/assets", "'self'"),
    ],
)
def test_scripts_come_from_the_assets_and_from_the_page_itself(assets, origin):
    html = f'<script src="{assets}/x.js"></script><script>\nstart()\n</script>'
    digest = base64.b64encode(hashlib.sha256(b"\nstart()\n").digest()).decode()
    rules = dict(rule.split(" ", 1) for rule in policy(html, assets).split("; "))
    assert rules["script-src"] == f"{origin} 'sha256-{digest}'"
    assert (rules["default-src"], rules["frame-ancestors"]) == ("'none'", "'none'")
