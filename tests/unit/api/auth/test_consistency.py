"""Who has set up authentication and forgotten the mode is not left with a server that is open to all."""

import pytest
from pydantic import ValidationError

from headrace_api.settings import Settings


@pytest.mark.parametrize(
    "given", [{"auth_review": "self"}, {"auth_audiences": ("x",)}, {"oidc_issuer": "https://x.org"}], ids=str
)
def test_a_part_without_its_mode_is_refused(given):
    with pytest.raises(ValidationError, match="HEADRACE_AUTH_MODE is none"):
        Settings(store_dsn="postgresql://x", **given)


def test_the_same_with_its_mode_is_not():
    assert Settings(store_dsn="postgresql://x", auth_mode="kubernetes", auth_review="self").warnings() == []
