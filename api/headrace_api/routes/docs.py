"""`/docs` and `/redoc`: pages that show the schema, with scripts and styles from where the settings say."""

import base64
import hashlib
import re
from urllib.parse import urlsplit

from fastapi import APIRouter
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import HTMLResponse

from headrace_api.deps import Needs

router = APIRouter(include_in_schema=False)
SCHEMA = "/openapi.json"
_NO_ICON = "data:,"
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)


@router.get("/docs")
async def get_docs(needs: Needs, request: Request) -> HTMLResponse:
    """The page that can also try calls."""
    assets = needs.settings.docs_assets
    page = get_swagger_ui_html(
        openapi_url=_schema(request),
        title="Headrace - Swagger UI",
        swagger_js_url=f"{assets}/swagger-ui-dist@5/swagger-ui-bundle.js",
        swagger_css_url=f"{assets}/swagger-ui-dist@5/swagger-ui.css",
        swagger_favicon_url=_NO_ICON,
    )
    return _guarded(page, assets)


@router.get("/redoc")
async def get_redoc(needs: Needs, request: Request) -> HTMLResponse:
    """The page for reading."""
    assets = needs.settings.docs_assets
    page = get_redoc_html(
        openapi_url=_schema(request),
        title="Headrace - ReDoc",
        redoc_js_url=f"{assets}/redoc@2/bundles/redoc.standalone.js",
        redoc_favicon_url=_NO_ICON,
        with_google_fonts=False,
    )
    return _guarded(page, assets)


def _schema(request: Request) -> str:
    return str(request.scope.get("root_path", "")).rstrip("/") + SCHEMA


def _guarded(page: HTMLResponse, assets: str) -> HTMLResponse:
    """The page, which may load its assets and ask this server, and nothing else."""
    page.headers["Content-Security-Policy"] = policy(bytes(page.body).decode(), assets)
    return page


def policy(html: str, assets: str) -> str:
    """The Content-Security-Policy of a page: its own inline scripts by their hashes, others from the assets' origin."""
    parts = urlsplit(assets)
    origin = f"{parts.scheme}://{parts.netloc}" if parts.netloc else "'self'"
    hashes = " ".join(f"'sha256-{_sha256(script)}'" for script in _INLINE.findall(html))
    rules = {
        "default-src": "'none'",
        "script-src": f"{origin} {hashes}".strip(),
        # Both set styles of elements while they draw.
        "style-src": f"{origin} 'unsafe-inline'",
        "img-src": "'self' data:",
        "font-src": "data:",
        "connect-src": "'self'",
        # ReDoc searches in a worker that it makes itself.
        "worker-src": "blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
