"""Where a request comes from, also through proxies that we trust."""

import ipaddress
from collections.abc import Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_LIMITED_IPV6_BITS = 64
"""What one customer of a provider has: who is limited by single addresses has plenty."""


class Addresses:
    """Believes X-Forwarded-For only from trusted networks, and there only the part that a trusted one has added."""

    def __init__(self, trusted: Sequence[str] = ()) -> None:
        self._trusted = tuple(map(network, trusted))

    def client(self, peer: str | None, forwarded: Sequence[str]) -> str:
        """The address of the one who asked; `forwarded` are the headers in their order."""
        hops = [hop.strip() for header in forwarded for hop in header.split(",")]
        address = peer or ""
        while hops and self._trusts(address):
            named = _address(hops.pop())
            if named is None:
                break
            address = named
        return address

    def _trusts(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed.version == network.version and parsed in network for network in self._trusted)


def network(text: str) -> Network:
    """A network such as 10.0.0.0/8, or one address; ValueError."""
    return ipaddress.ip_network(text, strict=False)


def limited_as(address: str) -> str:
    """What is counted for an address: of IPv6 the network that it is from."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4 or parsed.ipv4_mapped:
        return address
    return str(ipaddress.ip_network((parsed, _LIMITED_IPV6_BITS), strict=False))


def _address(hop: str) -> str | None:
    """The address of an entry, which may carry a port."""
    bare = hop[1:].partition("]")[0] if hop.startswith("[") else hop.partition(":")[0] if hop.count(":") == 1 else hop
    try:
        # Without its zone, which could be any text.
        return str(ipaddress.ip_address(bare.partition("%")[0]))
    except ValueError:
        return None
