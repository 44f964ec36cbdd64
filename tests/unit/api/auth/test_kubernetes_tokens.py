"""How long what the API server said of a token is believed."""

import base64
from contextlib import suppress

import jwt
import pytest

from headrace.errors import UnauthorizedError, UnavailableError
from headrace_api.auth.kubernetes_tokens import KubernetesTokens

NOW = 1_800_000_000.0
USER = {"username": "jane", "uid": "7", "groups": ["a", "b"], "extra": {"k": ["v"]}}


def token(**claims):
    """A token that says this; who has signed it is the API server's business."""
    return jwt.encode(claims, "x" * 32, algorithm="HS256")


class Server:
    """Answers reviews, and counts them."""

    def __init__(self, answer=USER):
        self.answer, self.asked, self.now = answer, 0, NOW

    async def review(self, _):
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def tokens(self, **options):
        made = KubernetesTokens(self.review, now=lambda: self.now, **options)
        made._known._clock = lambda: self.now
        return made


async def test_an_answer_is_believed_for_ten_seconds():
    server = Server()
    tokens = server.tokens()
    for _ in range(3):
        caller = await tokens.authenticate("opaque")
    assert (caller.username, caller.uid, caller.groups, caller.extra) == ("jane", "7", ("a", "b"), (("k", ("v",)),))
    assert server.asked == 1
    server.now += 10
    server.answer = None
    with pytest.raises(UnauthorizedError, match="not valid for this cluster"):
        await tokens.authenticate("opaque")


async def test_an_answer_is_never_believed_longer_than_the_token_says():
    server = Server()
    tokens, brief = server.tokens(), token(exp=NOW + 3)
    await tokens.authenticate(brief)
    server.now += 3
    await tokens.authenticate(brief)
    assert server.asked == 2  # The clock that counts is the API server's.


async def test_a_token_that_is_over_costs_no_question():
    server = Server()
    tokens, late = server.tokens(), token(exp=NOW - 61)
    assert tokens.knows(late)
    with pytest.raises(UnauthorizedError, match="The token has expired"):
        await tokens.authenticate(late)
    assert server.asked == 0


@pytest.mark.parametrize("audience", ["other", ["other", "third"]])
async def test_a_token_for_another_audience_costs_no_question(audience):
    server = Server()
    with pytest.raises(UnauthorizedError, match="The token is for another audience"):
        await server.tokens(audiences=["headrace"]).authenticate(token(aud=audience))
    assert server.asked == 0


@pytest.mark.parametrize(
    "user", [None, {}, {"username": ""}, {"username": "system:anonymous", "groups": ["system:unauthenticated"]}]
)
async def test_nobody_is_not_somebody(user):
    server = Server(user)
    with pytest.raises(UnauthorizedError):
        await server.tokens().authenticate("opaque")


async def test_a_refusal_and_a_silence_are_asked_again():
    server = Server(None)
    tokens = server.tokens()
    with pytest.raises(UnauthorizedError):
        await tokens.authenticate("opaque")
    server.answer = UnavailableError("away", part="kubernetes")
    with pytest.raises(UnavailableError):
        await tokens.authenticate("opaque")
    server.answer = USER
    assert (await tokens.authenticate("opaque")).username == "jane"


@pytest.mark.parametrize("value", ["soon", None, [], {}])
async def test_an_expiry_that_is_none_is_not_read(value):
    assert (await Server().tokens().authenticate(token(exp=value) if value is not None else "x")).username == "jane"


@pytest.mark.parametrize("value", ["1" + "0" * 400, "-1" + "0" * 400, "1e400", "NaN", "1" * 5000, "true"])
async def test_an_expiry_that_no_clock_shows_is_the_api_servers_to_judge(value):
    """Anybody can send one, unsigned: it must not end in an error that nobody foresaw."""
    parts = ['{"alg": "RS256"}', '{"exp": ' + value + "}", "x"]
    strange = ".".join(base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in parts)
    tokens = Server(None).tokens()
    tokens.knows(strange)
    with pytest.raises(UnauthorizedError):
        await tokens.authenticate(strange)
    with suppress(UnauthorizedError):
        await Server().tokens().authenticate(strange)
