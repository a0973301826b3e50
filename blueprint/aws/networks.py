"""Which IPv4 networks may be the VPC, may reach the database, and may open an SSH session."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from blueprint.problems import Refused

# RFC 1918 section 3 and, for carrier-grade NAT and often for VPNs, RFC 6598 section 7.
PRIVATE_NETWORKS: Final = tuple(
    IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
)
# RFC 5737 section 3 (TEST-NET-1 to 3) and RFC 3849: examples in texts use them, so no machine has an address there.
DOCUMENTATION_NETWORKS: Final = tuple(
    IPv4Network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
)
DOCUMENTATION_NETWORK_IPV6: Final = IPv6Network("2001:db8::/32")

# Judgement: a /16 is a large company's network; a wider public one is not "our administrators".
WIDEST_PUBLIC_SSH_PREFIX: Final = 16
# AWS: a VPC is /16 at the widest. A subnet is /28 at the smallest, and subnets.py cuts five bits below the VPC.
WIDEST_VPC_PREFIX: Final = 16
NARROWEST_VPC_PREFIX: Final = 23


def parse_network(text: str, check: Callable[[IPv4Network], None] | None = None) -> IPv4Network:
    """Read `a.b.c.d/n`. Raises Refused for IPv6, a missing prefix length, host bits, or what is no network at all.

    `check` raises Refused for a network that may not stand where this one does: none that it refuses is a way out.
    """
    address, slash, prefix = text.partition("/")
    try:
        network = ip_network(text, strict=False)
        if slash and not (prefix.isascii() and prefix.isdigit()):  # ipaddress also takes a netmask
            raise ValueError
    except ValueError:
        raise Refused("is not a network in CIDR notation", "Write it like 10.0.0.0/16") from None
    if isinstance(network, IPv6Network):
        if network.overlaps(DOCUMENTATION_NETWORK_IPV6):
            raise Refused(*_documentation(DOCUMENTATION_NETWORK_IPV6, "RFC 3849"))
        raise Refused("is an IPv6 network, and the VPC carries IPv4 only", "Name the IPv4 network")
    if check is not None:
        check(network)
    if not slash:
        raise Refused("has no prefix length", f"Write {text}/32 for the one address")
    if address != str(network.network_address):
        raise Refused("is an address inside a network, not a network", f"Write {network}")
    return network


def check_ssh_network(network: IPv4Network) -> None:
    """A network that may open SSH to application hosts: private, or public and at most a /16. Raises Refused."""
    _refuse_everyone(network)
    if not _is_private(network) and network.prefixlen < WIDEST_PUBLIC_SSH_PREFIX:
        raise Refused(
            f"opens SSH to {network.num_addresses} public addresses",
            f"Name the administrators' own network, /{WIDEST_PUBLIC_SSH_PREFIX} or narrower",
        )
    _refuse_documentation(network)


def check_database_network(network: IPv4Network) -> None:
    """A network that may reach the private database: wholly inside one private range. Raises Refused."""
    _refuse_everyone(network)
    _refuse_documentation(network)
    if not _is_private(network):
        raise Refused(
            "is not a private network, and the database has a private address only",
            f"Name a network inside {_PRIVATE_TEXT}",
        )


def check_vpc_network(network: IPv4Network) -> None:
    """The network of a new VPC: private, /16 to /23. Raises Refused."""
    _refuse_documentation(network)
    if not _is_private(network):
        raise Refused("is not a private network", f"Choose a network inside {_PRIVATE_TEXT}")
    if network.prefixlen < WIDEST_VPC_PREFIX:
        raise Refused(
            f"is wider than /{WIDEST_VPC_PREFIX}, the widest that AWS gives a VPC",
            f"Choose /{WIDEST_VPC_PREFIX} to /{NARROWEST_VPC_PREFIX}",
        )
    if network.prefixlen > NARROWEST_VPC_PREFIX:
        raise Refused(
            f"is narrower than /{NARROWEST_VPC_PREFIX}, and its subnets would be smaller than AWS's minimum of /28",
            f"Choose /{WIDEST_VPC_PREFIX} to /{NARROWEST_VPC_PREFIX}",
        )


_PRIVATE_TEXT: Final = ", ".join(map(str, PRIVATE_NETWORKS[:-1])) + f" or {PRIVATE_NETWORKS[-1]}"


def _is_private(network: IPv4Network) -> bool:
    return any(network.subnet_of(private) for private in PRIVATE_NETWORKS)


def _refuse_everyone(network: IPv4Network) -> None:
    if network.prefixlen == 0:
        raise Refused("is the whole Internet", "Name the administrators' own network")


def _refuse_documentation(network: IPv4Network) -> None:
    for documentation in DOCUMENTATION_NETWORKS:
        if network.overlaps(documentation):
            raise Refused(*_documentation(documentation, "RFC 5737"))


def _documentation(network: IPv4Network | IPv6Network, rfc: str) -> tuple[str, str]:
    rule = f"overlaps {network}, which {rfc} reserves for examples in documentation: nobody has an address there"
    return rule, "Name the network that you really use"
