"""Bearer tokens in headers (RFC 6750): how they come, and how a 401 asks for one."""

import re
from collections.abc import Sequence

from headrace.errors import UnauthorizedError

REALM = "headrace"
TOKEN_BYTES = 16 * 1024
"""Longer ones are refused unread; with hundreds of groups a JWT has about 10 KB."""
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_HOW = "send the header Authorization: Bearer <token>"


def token_of(headers: Sequence[str]) -> str:
    """The token of the request's Authorization headers; UnauthorizedError says what is wrong, never what was sent."""
    if not headers:
        raise UnauthorizedError(f"This call needs a token: {_HOW}", code=None)
    if len(headers) > 1:
        raise UnauthorizedError("There is more than one Authorization header", code="invalid_request")
    scheme, _, token = headers[0].strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise UnauthorizedError(f"This call needs a bearer token: {_HOW}", code="invalid_request")
    if len(token) > TOKEN_BYTES:
        raise UnauthorizedError(f"The token is longer than {TOKEN_BYTES} bytes")
    if not _TOKEN.fullmatch(token):
        raise UnauthorizedError("The token has characters that no token has")
    return token


def challenge(error: UnauthorizedError) -> str:
    """The header WWW-Authenticate for it."""
    start = f'Bearer realm="{REALM}"'
    if error.code is None:
        return start
    # Within quotes RFC 6750 allows neither quotes and backslashes nor anything beyond ASCII.
    said = re.sub(r'[^\x20-\x7e]|["\\]', "", error.message)
    return f'{start}, error="{error.code}", error_description="{said}"'
