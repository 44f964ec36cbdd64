"""How claims become a caller."""

import pytest

from headrace.errors import UnauthorizedError
from headrace_api.auth.oidc_tokens import Claims, caller_from

HOW = Claims(issuer="https://issuer", audience="headrace")
PREFIXED = Claims(
    issuer="https://issuer",
    audience="headrace",
    username="email",
    username_prefix="oidc:",
    groups="roles",
    groups_prefix="oidc:",
)


@pytest.mark.parametrize(
    ("how", "claims", "username", "groups"),
    [
        (HOW, {"sub": "jane"}, "jane", ()),
        (HOW, {"sub": "jane", "groups": "one"}, "jane", ("one",)),
        (HOW, {"sub": "jane", "groups": ["a", "b", "a"]}, "jane", ("a", "b")),
        (HOW, {"sub": "jane", "groups": {"a": 1}}, "jane", ()),
        (HOW, {"sub": "jane", "groups": ["\udfff", "x"]}, "jane", ("x",)),
        (HOW, {"sub": "jane", "groups": ["system:masters", "system:nodes", None, 3, "x"]}, "jane", ("x",)),
        (PREFIXED, {"email": "j@x.org", "roles": ["system:masters"]}, "oidc:j@x.org", ("oidc:system:masters",)),
        (PREFIXED, {"email": "system:admin"}, "oidc:system:admin", ()),
        (PREFIXED, {"email": "j@x.org", "email_verified": True}, "oidc:j@x.org", ()),
    ],
)
def test_claims_name_a_user_and_groups(how, claims, username, groups):
    caller = caller_from(claims, how)
    assert (caller.username, caller.groups) == (username, (*groups, "system:authenticated"))


@pytest.mark.parametrize(
    ("how", "claims"),
    [
        (HOW, {}),
        (HOW, {"sub": 7}),
        (HOW, {"sub": ""}),
        (HOW, {"sub": "jane\ud800"}),
        (HOW, {"sub": "system:serviceaccount:kube-system:default"}),
        (PREFIXED, {"email": "j@x.org", "email_verified": False}),
        (PREFIXED, {"email": "j@x.org", "email_verified": "false"}),
    ],
)
def test_a_name_that_is_none_or_not_the_issuers_to_give_is_refused(how, claims):
    with pytest.raises(UnauthorizedError):
        caller_from(claims, how)
