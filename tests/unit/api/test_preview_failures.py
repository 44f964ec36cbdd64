"""Why a preview shows nothing: which error that is, and in whose words."""

import pytest

from headrace.errors import LateError, RefusedError, UnavailableError
from headrace.model.conditions import Reason
from headrace_api.translate.preview_failures import Ends, failure

OWN = "shop-1a2b-source-0a1b2c3d"


def end(name, called, secret=None, own=True):
    annotations = {"headrace.dev/password-secrets": f"{secret}=u-1"} if secret and own else {}
    reference = {"passwordSecret": {"name": secret, "key": "password"}} if secret else {}
    return {"metadata": {"name": name, "uid": "u-2", "annotations": annotations}, "spec": {"name": called, **reference}}


SHOP, INDEX = end("shop-1a2b", "Shop \\1 (EU)", OWN), end("index-9", "Search")


def run(reason, message="it is so"):
    conditions = [
        {"type": "Complete", "status": "False", "reason": reason},
        {"type": "Failed", "status": "True", "reason": reason, "message": message},
    ]
    return {"status": {"phase": "FAILED", "errorMessage": message, "conditions": conditions}}


@pytest.mark.parametrize(
    ("reason", "error", "part"),
    [
        (Reason.RUN_FAILED, RefusedError, None),
        ("OfANewerVersion", RefusedError, None),
        (Reason.WAITING_FOR_SLOT, LateError, None),
        (Reason.WAITING_FOR_SOURCE, LateError, None),
        (Reason.TIMED_OUT, LateError, None),
        (Reason.WAITING_FOR_STORE, UnavailableError, "postgres"),
        (Reason.RUNNER_LOST, UnavailableError, "kubernetes"),
    ],
)
def test_only_what_is_wrong_with_the_preview_itself_is_the_callers_fault(reason, error, part):
    found = failure(run(str(reason)), Ends(SHOP), None)
    assert (type(found), getattr(found, "part", None)) == (error, part)
    again = "The preview could not be made: it is so; try again later"
    assert found.message == ("it is so" if error is RefusedError else again)


@pytest.mark.parametrize(
    ("status", "found", "says"),
    [
        (run("RunFailed")["status"], {"error": "It failed: 'Ann' is no number"}, "It failed: 'Ann' is no number"),
        ({"phase": "FAILED"}, {"tables": []}, "The preview failed"),
    ],
)
def test_whoever_asked_is_told_what_the_status_leaves_out(status, found, says):
    assert failure({"status": status}, Ends(SHOP), found).message == says


WORDS = {
    "the EtlSource 'shop-1a2b' is being deleted": "the source 'Shop \\1 (EU)' is being deleted",
    "the EtlSource 'shop-1a2b-c' is another": "the EtlSource 'shop-1a2b-c' is another",
    "all connections to the source 'shop-1a2b' are in use": "all connections to the source 'Shop \\1 (EU)' are in use",
    "there is no EtlDestination 'index-9'": "there is no destination 'Search'",
    f"the EtlSource 'shop-1a2b' can't be used: the Secret '{OWN}' does not exist": (
        "the source 'Shop \\1 (EU)' can't be used: the Secret of its password does not exist"
    ),
}


@pytest.mark.parametrize(("said", "told"), WORDS.items())
def test_ends_are_called_as_the_caller_calls_them(said, told):
    assert Ends(SHOP, INDEX).in_words(said) == told


def test_a_secret_that_others_take_care_of_is_named():
    words = "the Secret 'theirs' does not exist"
    assert Ends(end("shop-1", "Shop", "theirs", own=False)).in_words(words) == words
