"""Certificates alone, of what was sent as a file of them."""

import pytest

from headrace.pem import certificates

ONE = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----"
TRUSTED = "-----BEGIN TRUSTED CERTIFICATE-----\nAA==\n-----END TRUSTED CERTIFICATE-----"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (ONE, [ONE]),
        (f"# Főtanúsítvány\r\n{ONE}\n\u2028\n{ONE} ü", [ONE, ONE]),
        (f"{TRUSTED}{ONE}", [TRUSTED, ONE]),
    ],
    ids=["one", "explained", "without a line between them"],
)
def test_what_stands_between_certificates_is_left_out(text, found):
    assert certificates(text) == "".join(f"{block}\n" for block in found)


@pytest.mark.parametrize("text", ["", "ü", ONE[:-5], ONE.replace("AA", "\u00a0ü")])
def test_what_holds_no_certificate_is_refused(text):
    """Also for an empty text: ssl would take the machine's authorities instead."""
    with pytest.raises(ValueError, match="no certificate"):
        certificates(text)
