"""CIDR blocks that settings may name, and where."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint.aws.networks import check_database_network, check_ssh_network, check_vpc_network, parse_network
from blueprint.problems import Refused

networks = st.builds(
    lambda address, prefix: IPv4Network((address, prefix), strict=False), st.integers(0, 2**32 - 1), st.integers(0, 32)
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not a network in CIDR notation. Write it like 10.0.0.0/16."),
        ("office", "is not a network in CIDR notation. Write it like 10.0.0.0/16."),
        ("10.0.0.0/33", "is not a network in CIDR notation. Write it like 10.0.0.0/16."),
        ("10.0.0.0/", "is not a network in CIDR notation. Write it like 10.0.0.0/16."),
        ("10.0.0.0/255.255.0.0", "is not a network in CIDR notation. Write it like 10.0.0.0/16."),
        ("10.0.0.7", "has no prefix length. Write 10.0.0.7/32 for the one address."),
        ("10.0.0.7/16", "is an address inside a network, not a network. Write 10.0.0.0/16."),
        ("2600:1f00::/24", "is an IPv6 network, and the VPC carries IPv4 only. Name the IPv4 network."),
        (
            "2001:db8:1::/48",
            "overlaps 2001:db8::/32, which RFC 3849 reserves for examples in documentation: nobody has an address "
            "there. Name the network that you really use.",
        ),
    ],
)
def test_what_is_no_ipv4_network_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_network(text)
    assert str(refused.value) == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("10.22.0.0/8", "is wider than /16, the widest that AWS gives a VPC. Choose /16 to /23."),
        (
            "10.22.0.7",
            "is narrower than /23, and its subnets would be smaller than AWS's minimum of /28. Choose /16 to /23.",
        ),
        ("10.22.0.7/16", "is an address inside a network, not a network. Write 10.22.0.0/16."),
    ],
)
def test_no_way_out_is_a_network_that_is_refused_next(text: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_network(text, check_vpc_network)
    assert str(refused.value) == reason


@settings(max_examples=50)
@given(networks)
def test_a_network_reads_back_what_it_writes(network: IPv4Network) -> None:
    assert parse_network(str(network)) == network


@pytest.mark.parametrize("check", [check_ssh_network, check_database_network, check_vpc_network])
@pytest.mark.parametrize(
    ("network", "documentation"),
    [
        ("203.0.113.0/24", "203.0.113.0/24"),  # E29: the document's own "office"
        ("203.0.113.7/32", "203.0.113.0/24"),
        ("203.0.112.0/22", "203.0.113.0/24"),
        ("198.51.100.128/25", "198.51.100.0/24"),
        ("192.0.2.0/24", "192.0.2.0/24"),
    ],
)
def test_a_documentation_network_is_refused_by_name_everywhere(
    check: Callable[[IPv4Network], None], network: str, documentation: str
) -> None:
    with pytest.raises(Refused) as refused:
        check(IPv4Network(network))
    assert str(refused.value) == (
        f"overlaps {documentation}, which RFC 5737 reserves for examples in documentation: nobody has an address "
        "there. Name the network that you really use."
    )


@pytest.mark.parametrize("check", [check_ssh_network, check_database_network])
def test_the_whole_internet_is_refused_as_that(check: Callable[[IPv4Network], None]) -> None:
    with pytest.raises(Refused) as refused:
        check(IPv4Network("0.0.0.0/0"))
    assert str(refused.value) == "is the whole Internet. Name the administrators' own network."


@pytest.mark.parametrize("network", ["10.0.0.0/8", "100.64.0.0/10", "8.8.0.0/16", "8.8.8.8/32"])
def test_ssh_may_come_from_a_private_network_or_a_narrow_public_one(network: str) -> None:
    check_ssh_network(IPv4Network(network))


@pytest.mark.parametrize(("network", "addresses"), [("8.8.0.0/15", 131072), ("172.0.0.0/8", 16777216)])
def test_ssh_from_a_wide_public_network_is_refused(network: str, addresses: int) -> None:
    with pytest.raises(Refused) as refused:
        check_ssh_network(IPv4Network(network))
    assert str(refused.value) == (
        f"opens SSH to {addresses} public addresses. Name the administrators' own network, /16 or narrower."
    )


@pytest.mark.parametrize("network", ["10.0.0.0/8", "172.16.0.0/12", "192.168.7.0/24", "100.100.0.0/16"])
def test_the_database_may_be_reached_from_a_private_network(network: str) -> None:
    check_database_network(IPv4Network(network))


@pytest.mark.parametrize("network", ["8.8.8.0/24", "172.0.0.0/8", "100.0.0.0/9"])
def test_the_database_is_closed_to_networks_that_are_not_wholly_private(network: str) -> None:
    with pytest.raises(Refused) as refused:
        check_database_network(IPv4Network(network))
    assert str(refused.value) == (
        "is not a private network, and the database has a private address only. "
        "Name a network inside 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10."
    )


@pytest.mark.parametrize("network", ["10.0.0.0/16", "172.31.0.0/20", "192.168.254.0/23"])
def test_a_vpc_is_private_and_neither_too_wide_nor_too_narrow(network: str) -> None:
    check_vpc_network(IPv4Network(network))


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (
            "8.8.0.0/16",
            "is not a private network. "
            "Choose a network inside 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10.",
        ),
        ("10.0.0.0/15", "is wider than /16, the widest that AWS gives a VPC. Choose /16 to /23."),
        (
            "10.0.0.0/24",
            "is narrower than /23, and its subnets would be smaller than AWS's minimum of /28. Choose /16 to /23.",
        ),
    ],
)
def test_a_vpc_that_cannot_be_is_refused_with_its_reason(network: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        check_vpc_network(IPv4Network(network))
    assert str(refused.value) == reason
