"""Where a request comes from."""

import pytest

from headrace_api.auth.addresses import Addresses, limited_as

NOBODY, PROXIES = Addresses(), Addresses(["10.0.0.0/8", "fd00::/8", "192.0.2.1"])


@pytest.mark.parametrize(
    ("addresses", "peer", "forwarded", "client"),
    [
        (NOBODY, "10.0.0.1", [], "10.0.0.1"),
        (NOBODY, "10.0.0.1", ["203.0.113.7"], "10.0.0.1"),
        (PROXIES, "203.0.113.9", ["203.0.113.7"], "203.0.113.9"),
        (PROXIES, "10.0.0.1", [], "10.0.0.1"),
        (PROXIES, "10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        (PROXIES, "10.0.0.1", ["6.6.6.6, 203.0.113.7"], "203.0.113.7"),
        (PROXIES, "10.0.0.1", ["6.6.6.6", "203.0.113.7,10.0.0.9"], "203.0.113.7"),
        (PROXIES, "192.0.2.1", ["203.0.113.7:5050"], "203.0.113.7"),
        (PROXIES, "fd00::1", ["[2001:db8::7]:443"], "2001:db8::7"),
        (PROXIES, "10.0.0.1", ["2001:db8::7"], "2001:db8::7"),
        (PROXIES, "10.0.0.1", ["203.0.113.7, unknown"], "10.0.0.1"),
        (PROXIES, "10.0.0.1", ["10.0.0.2, 10.0.0.3"], "10.0.0.2"),
        (PROXIES, "10.0.0.1", [""], "10.0.0.1"),
        # A zone can be any text, and in a trusted network anybody can say one.
        (PROXIES, "10.0.0.1", ["2001:db8::7%any text, 10.0.0.9"], "2001:db8::7"),
        (PROXIES, None, ["203.0.113.7"], ""),
        (PROXIES, "testclient", ["203.0.113.7"], "testclient"),
    ],
)
def test_only_what_a_trusted_proxy_has_added_is_believed(addresses, peer, forwarded, client):
    assert addresses.client(peer, forwarded) == client


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "::ffff:203.0.113.7"),
        ("", ""),
    ],
)
def test_a_customers_addresses_are_counted_as_one(address, counted):
    assert limited_as(address) == counted
