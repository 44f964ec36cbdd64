"""Tokens of an OpenID Connect issuer that runs: which are believed, and what follows when its keys change."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator

import pytest
from tests.integration.api.issuer import Issuer, Key, write_certificate

from headrace.errors import UnauthorizedError, UnavailableError
from headrace_api.auth.issuers import Reader
from headrace_api.auth.oidc_tokens import Claims, OidcTokens
from headrace_api.auth.signing_keys import SigningKeys

FIRST, SECOND = Key("first"), Key("second")


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Issuer]:
    made = Issuer(tmp_path_factory.mktemp("issuer"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def issuer(served) -> Issuer:
    """One process for all tests, for to start it takes longer than most of them."""
    served.renew(FIRST)
    return served


class Clock:
    """Moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def tokens(issuer, clock):
    keys = SigningKeys(issuer.url, Reader(seconds=2), clock=clock)
    made = OidcTokens(Claims(issuer=issuer.url, audience="headrace"), keys)
    yield made
    await made.close()


async def refusal(tokens, token: str) -> str:
    """Why a token is not believed; what it says is never in it."""
    with pytest.raises(UnauthorizedError) as caught:
        await tokens.authenticate(token)
    assert not any(part and part in caught.value.message for part in token.split("."))
    return caught.value.message


async def test_a_token_that_the_issuer_signed_names_the_caller(tokens, issuer):
    caller = await tokens.authenticate(issuer.token(FIRST, groups=["editors", "editors", "system:masters", 7, ""]))
    assert caller.username == "jane"
    assert caller.groups == ("editors", "system:authenticated")


@pytest.mark.parametrize("algorithm", ["RS512", "PS256", "ES256", "ES384", "EdDSA"])
@pytest.mark.parametrize("names_algorithm", [True, False])
async def test_every_algorithm_with_two_keys_is_taken(tokens, issuer, algorithm, names_algorithm):
    key = Key("other", algorithm, names_algorithm=names_algorithm)
    issuer.publish(FIRST, key)
    assert (await tokens.authenticate(issuer.token(key))).username == "jane"


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"exp": int(time.time()) - 60}, "The token has expired"),
        ({"nbf": int(time.time()) + 600}, "The token is not valid yet"),
        ({"iat": int(time.time()) + 600}, "The token is not valid yet"),
        ({"aud": "another"}, "The token is for another audience"),
        ({"aud": ["another", "third"]}, "The token is for another audience"),
        ({"iss": "https://example.com"}, "The token is of another issuer"),
        ({"exp": None}, "The token lacks the claim exp"),
        ({"aud": None}, "The token lacks the claim aud"),
        ({"iss": None}, "The token lacks the claim iss"),
        ({"sub": None}, "The token lacks the claim sub"),
        ({"sub": " "}, "The token's claim sub is no name"),
        ({"sub": "x" * 1025}, "The token's claim sub is no name"),
        ({"sub": "system:admin"}, "The token's user name begins with system:, which is Kubernetes' own"),
    ],
    ids=str,
)
async def test_claims_that_do_not_fit_are_refused_in_words(tokens, issuer, claims, why):
    assert await refusal(tokens, issuer.token(FIRST, **claims)) == why


async def test_one_of_several_audiences_is_enough(tokens, issuer):
    assert (await tokens.authenticate(issuer.token(FIRST, aud=["x", "headrace"]))).username == "jane"


async def test_a_token_without_a_signature_is_refused(tokens, issuer):
    for algorithm in ("none", "None", "NONE"):
        forged = issuer.forge({"alg": algorithm, "kid": "first", "typ": "JWT"})
        assert await refusal(tokens, forged) == "The token is signed with an algorithm that is not allowed"


async def test_a_published_key_is_no_shared_secret(tokens, issuer):
    """The classic confusion: HS256, with the public key's text as the secret."""
    header = {"alg": "HS256", "kid": "first", "typ": "JWT"}
    head, body, _ = issuer.forge(header).split(".")
    digest = hmac.new(FIRST.pem(), f"{head}.{body}".encode(), hashlib.sha256).digest()
    forged = f"{head}.{body}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
    assert await refusal(tokens, forged) == "The token is signed with an algorithm that is not allowed"


async def test_a_key_is_not_used_for_an_algorithm_that_it_does_not_name(tokens, issuer):
    strict = FIRST.published()
    issuer.publish(strict)
    head = {"kid": "first"}
    other = Key("first", "RS512")
    other.private = FIRST.private
    assert "does not publish" in await refusal(tokens, issuer.token(other, headers=head))


async def test_a_key_that_a_token_brings_along_is_not_looked_at(tokens, issuer):
    stranger = Key("first")
    headers = {"jwk": stranger.published(), "jku": f"{issuer.url}/jwks.json", "x5c": ["x"]}
    assert await refusal(tokens, issuer.token(stranger, headers=headers)) == "The token's signature is wrong"


@pytest.mark.parametrize("token", ["x", "a.b.c", "..", "eyJ.eyJ.", "eyJhbGciOiJSUzI1NiJ9.e30", "é.é.é", "[" * 5000])
async def test_what_is_no_token_is_refused(tokens, token):
    with pytest.raises(UnauthorizedError, match=r"is no JWT|is not valid|not allowed"):
        await tokens.authenticate(token)


async def test_a_header_that_is_nested_without_end_is_refused(tokens):
    deep = base64.urlsafe_b64encode(b'{"alg":' + b"[" * 10_000).decode().rstrip("=")
    with pytest.raises(UnauthorizedError):
        await tokens.authenticate(f"{deep}.e30.x")


async def test_a_token_that_names_no_key_is_taken_where_there_is_only_one(tokens, issuer, clock):
    nameless = issuer.token(FIRST, headers={"kid": None})
    assert (await tokens.authenticate(nameless)).username == "jane"
    issuer.publish(FIRST, SECOND)
    clock.now += 1000
    assert await refusal(tokens, nameless) == "The token does not say which of the issuer's keys it is signed with"


async def test_keys_that_nobody_may_sign_with_are_left_out(tokens, issuer):
    short, encrypting = Key("short", bits=1024), Key("encrypting")
    shared = {"kty": "oct", "k": "c2VjcmV0", "kid": "shared", "alg": "HS256"}
    broken = {"kty": "RSA", "n": "!", "e": "AQAB", "kid": "broken"}
    issuer.publish(short, encrypting.published(use="enc"), shared, broken, {"kty": "new"}, FIRST)
    assert (await tokens.authenticate(issuer.token(FIRST))).username == "jane"
    for key in (short, encrypting):
        assert "does not publish" in await refusal(tokens, issuer.token(key))


async def test_a_new_key_is_fetched_when_a_token_names_it(tokens, issuer, clock):
    await tokens.authenticate(issuer.token(FIRST))
    issuer.publish(FIRST, SECOND)
    rotated = issuer.token(SECOND)
    assert "does not publish" in await refusal(tokens, rotated)  # Anybody can name a key: not at each of them.
    clock.now += 11
    assert (await tokens.authenticate(rotated)).username == "jane"
    assert (await tokens.authenticate(issuer.token(FIRST))).username == "jane"


async def test_a_key_that_was_removed_is_forgotten(tokens, issuer, clock):
    old = issuer.token(FIRST)
    await tokens.authenticate(old)
    issuer.publish(SECOND)
    clock.now += 301
    assert "does not publish" in await refusal(tokens, old)


async def test_known_keys_go_on_while_the_issuer_is_down(tokens, issuer, clock):
    known = issuer.token(FIRST)
    await tokens.authenticate(known)
    issuer.stop()
    clock.now += 100_000
    assert (await tokens.authenticate(known)).username == "jane"
    clock.now += 11
    # Nobody can tell whether that is a new key: neither open nor a refusal.
    with pytest.raises(UnavailableError, match="keys can't be had") as caught:
        await tokens.authenticate(issuer.token(SECOND))
    assert caught.value.part == "oidc"
    issuer.publish(FIRST, SECOND)
    issuer.start()
    clock.now += 11
    assert (await tokens.authenticate(issuer.token(SECOND))).username == "jane"


async def test_an_issuer_that_was_never_there_is_asked_again_soon(tokens, issuer, clock):
    issuer.stop()
    with pytest.raises(UnavailableError):
        await tokens.authenticate(issuer.token(FIRST))
    issuer.start()
    clock.now += 1
    assert (await tokens.authenticate(issuer.token(FIRST))).username == "jane"


@pytest.mark.parametrize(
    "text", ["", "no json", "[]", '{"keys": 1}', "{}", '{"keys": [' + '"x",' * 200_000 + "1]}", "[" * 100_000]
)
async def test_keys_that_can_not_be_read_are_like_none(tokens, issuer, text):
    issuer.publish_text(text)
    with pytest.raises(UnavailableError):
        await tokens.authenticate(issuer.token(FIRST))


async def test_no_redirect_is_followed(tokens, issuer):
    issuer.publish_redirect()
    with pytest.raises(UnavailableError):
        await tokens.authenticate(issuer.token(FIRST))


@pytest.mark.parametrize(
    "fields",
    [{"issuer": "https://example.com"}, {"jwks_uri": "http://example.com/jwks.json"}, {"jwks_uri": 1}],
    ids=str,
)
async def test_a_discovery_document_of_another_is_not_believed(tokens, issuer, fields):
    issuer.discover(**fields)
    with pytest.raises(UnavailableError):
        await tokens.authenticate(issuer.token(FIRST))


async def test_an_issuer_that_says_nothing_holds_nobody_for_long(tokens, issuer):
    issuer.freeze()
    began = time.monotonic()
    with pytest.raises(UnavailableError):
        await tokens.authenticate(issuer.token(FIRST))
    assert time.monotonic() - began < 5
    issuer.freeze(thaw=True)


async def test_many_who_wait_for_an_issuer_that_says_nothing_do_not_wait_for_each_other(issuer):
    keys = SigningKeys(issuer.url, Reader(seconds=1))
    tokens = OidcTokens(Claims(issuer=issuer.url, audience="headrace"), keys)
    issuer.freeze()
    began = time.monotonic()
    calls = [tokens.authenticate(issuer.token(FIRST)) for _ in range(6)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(answer) for answer in answers} == {UnavailableError}
    assert time.monotonic() - began < 3
    issuer.freeze(thaw=True)
    await tokens.close()


async def test_a_header_that_must_be_understood_and_is_not_is_refused(tokens, issuer):
    with pytest.raises(UnauthorizedError):
        await tokens.authenticate(issuer.token(FIRST, headers={"crit": ["x"], "x": 1}))


async def test_an_address_of_keys_replaces_the_discovery(issuer):
    issuer.discover(issuer="https://example.com")
    keys = SigningKeys(issuer.url, Reader(), jwks_url=f"{issuer.url}/jwks.json")
    tokens = OidcTokens(Claims(issuer=issuer.url, audience="headrace"), keys)
    assert (await tokens.authenticate(issuer.token(FIRST))).username == "jane"
    await tokens.close()


@pytest.fixture
def private_issuer(tmp_path) -> Iterator[Issuer]:
    """Over TLS, with a certificate of its own making."""
    write_certificate(tmp_path / "issuer.pem")
    (tmp_path / "served").mkdir()
    made = Issuer(tmp_path / "served", tmp_path / "issuer.pem")
    made.publish(FIRST)
    made.start()
    yield made
    made.stop()


async def test_an_issuer_is_believed_over_tls_only_with_its_authority(private_issuer, tmp_path):
    claims = Claims(issuer=private_issuer.url, audience="headrace")
    with_authority = OidcTokens(claims, SigningKeys(private_issuer.url, Reader(str(tmp_path / "issuer.pem"))))
    without = OidcTokens(claims, SigningKeys(private_issuer.url, Reader()))
    assert (await with_authority.authenticate(private_issuer.token(FIRST))).username == "jane"
    with pytest.raises(UnavailableError):
        await without.authenticate(private_issuer.token(FIRST))
    await with_authority.close()
    await without.close()


def test_what_is_published_is_no_secret():
    assert "d" not in json.loads(json.dumps(FIRST.published()))
