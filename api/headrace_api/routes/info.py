"""`/info`: what serves here, and how it is set up; never a secret."""

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from headrace.model.kinds import KINDS
from headrace.model.values import PARAMS_BYTES
from headrace_api import paging
from headrace_api.bodies.envelope import Envelope
from headrace_api.bodies.info import AuthInfo, Configuration, Info
from headrace_api.bodies.problem import responses
from headrace_api.deps import Needs
from headrace_api.enveloping import envelope
from headrace_api.routes.health import VERSION
from headrace_api.services import followers
from headrace_api.settings import Settings

router = APIRouter(tags=["installation"])


@router.get("/info", summary="What serves here?", response_model=Envelope[Info], responses=responses())
async def get_info(needs: Needs, request: Request) -> JSONResponse:
    """Name, version, and the settings that callers may have to know."""
    return envelope(request, info_of(needs.settings).model_dump())


def info_of(settings: Settings) -> Info:
    """Named one by one: what is added to the settings is not shown before somebody has thought about it."""
    return Info(
        name="headrace",
        version=VERSION,
        kinds=[kind.kind for kind in KINDS],
        configuration=Configuration(
            namespace=settings.namespace,
            installation=settings.installation,
            api_prefix=settings.api_prefix,
            allowed_targets=list(settings.allowed_targets),
            max_body_bytes=settings.max_body_bytes,
            request_seconds=settings.request_seconds,
            reconcile_seconds=settings.reconcile_seconds,
            preview_seconds=settings.preview_seconds,
            page_limit=paging.MOST,
            max_params_bytes=PARAMS_BYTES,
            max_followers=followers.MOST,
            rate_limit=settings.rate_limit,
            cors_origins=list(settings.cors_origins),
            auth=_auth_of(settings),
        ),
        warnings=settings.warnings(),
    )


def _auth_of(settings: Settings) -> AuthInfo:
    is_oidc = settings.auth_mode == "oidc"
    audiences = [settings.oidc_audience or ""] if is_oidc else list(settings.auth_audiences)
    issuer = settings.oidc_issuer if is_oidc else None
    return AuthInfo(mode=settings.auth_mode, issuer=issuer, audiences=audiences, open=list(settings.auth_open))
