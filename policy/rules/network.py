"""Rules on security groups: ingress from and egress to the internet, one resource a rule, no inline rules."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final

from policy.model import (
    MISSING,
    Finding,
    Resource,
    ResourceRule,
    Rule,
    Stack,
    StackRule,
    describe,
    expect,
    of,
)
from policy.rules import types

WORLD_IN: Final = (80, 443)
WORLD_OUT: Final = (443,)
# Wider than any one organisation's network: two halves of the internet are the internet.
WORLD_PREFIX: Final = {4: 8, 6: 20}
PRIVATE: Final = tuple(
    # RFC 1918, RFC 6598 (often VPNs), RFC 4193.
    ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)  # fmt: skip
PEERS: Final = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")
INLINE: Final = ("ingress", "egress")


def networks(rule: Resource) -> Iterator[tuple[str, IPv4Network | IPv6Network | None]]:
    """The CIDR blocks of a security group rule, by input; None for a value that is none, or not known yet."""
    for path in ("cidrIpv4", "cidrIpv6"):
        value = rule.value(path)
        if value is not MISSING:
            yield path, _parsed(value)


def _parsed(value: Any) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(value, strict=False) if isinstance(value, str) else None
    except ValueError:
        return None


def is_world(network: IPv4Network | IPv6Network | None) -> bool:
    """Whether a CIDR block is as good as the internet. One that cannot be parsed is, too."""
    return network is None or network.prefixlen < WORLD_PREFIX[network.version]


def _to_the_world(rule: Resource, ports: tuple[int, ...]) -> Iterator[Finding]:
    open_ = [path for path, network in networks(rule) if is_world(network)]
    if open_ and not (rule.value("fromPort") in ports and rule.value("toPort") in ports):
        what = ", ".join(describe(rule, path) for path in (*open_, "fromPort", "toPort"))
        yield Finding(what, "Name a network, or the security group of those who need it")


def _ingress(rule: Resource) -> Iterator[Finding]:
    yield from _to_the_world(rule, WORLD_IN)


def _egress(rule: Resource) -> Iterator[Finding]:
    yield from _to_the_world(rule, WORLD_OUT)


def _narrow(rule: Resource) -> Iterator[Finding]:
    """One TCP port and one peer; no prefix list, whose networks somebody else decides."""
    yield from expect(rule, "ipProtocol", lambda protocol: protocol == "tcp", 'Write ip_protocol="tcp"')
    if not isinstance(rule.value("fromPort"), int) or rule.value("fromPort") != rule.value("toPort"):
        yield Finding(f"{describe(rule, 'fromPort')}, {describe(rule, 'toPort')}", "Write a rule for each port")
    peers = [path for path in PEERS if rule.value(path) is not MISSING]
    if len(peers) != 1 or "prefixListId" in peers:
        yield Finding(f"it opens to {' and '.join(peers) or 'nobody that it names'}", "Name one network or one group")


def _no_inline(group: Resource) -> Iterator[Finding]:
    if group.type == types.SECURITY_GROUP_RULE:
        yield Finding("it is of the provider's old type", "Use aws.vpc.SecurityGroupIngressRule or ...EgressRule")
    for path in INLINE:
        if group.value(path) not in (MISSING, []):
            yield Finding(f"{path} is stated inside the group", "Write each rule as aws.vpc.SecurityGroup...Rule")


def _databases(rule: Resource, stack: Stack) -> bool:
    """Whether a rule is one of a group that instances are in."""
    groups = rule.depends.get("securityGroupId", frozenset[str]())
    return any(groups & each.depends.get("vpcSecurityGroupIds", frozenset()) for each in stack.of_type(types.INSTANCE))


def _database_egress(rule: Resource, stack: Stack) -> Iterator[Finding]:
    if not _databases(rule, stack):
        return
    own = rule.depends.get("securityGroupId", frozenset())
    to = rule.depends.get("referencedSecurityGroupId", frozenset())
    if not to or not to <= own:
        stated = ", ".join(describe(rule, path) for path in PEERS if rule.value(path) is not MISSING)
        yield Finding(stated or "it names no peer", "Leave the rule out")


def _database_ingress(rule: Resource, stack: Stack) -> Iterator[Finding]:
    if not _databases(rule, stack):
        return
    for path, network in networks(rule):
        if network is None or not any(
            network.version == private.version and network.subnet_of(private)  # type: ignore[arg-type]
            for private in PRIVATE
        ):
            yield Finding(describe(rule, path), "Name a private network in access.databaseNetworks")


RULES: Final[tuple[Rule, ...]] = (
    ResourceRule(
        name="network-ingress", control="EC2.18", wants="nothing but 80 and 443 open to the world",
        applies=of(types.INGRESS), check=_ingress,
    ),
    ResourceRule(
        name="network-egress", wants="nothing but HTTPS to the world", applies=of(types.EGRESS), check=_egress
    ),
    ResourceRule(
        name="network-narrow", wants="one TCP port and one peer a rule", applies=of(types.INGRESS, types.EGRESS),
        check=_narrow,
    ),
    ResourceRule(
        name="network-no-inline", control="EC2.2",
        wants="openings that are resources of their own, and none in the default group",
        applies=of(types.SECURITY_GROUP, types.DEFAULT_SECURITY_GROUP, types.SECURITY_GROUP_RULE), check=_no_inline,
    ),
    StackRule(
        name="network-database-egress", wants="no way out of the database's group but to itself",
        applies=of(types.EGRESS), check=_database_egress,
    ),
    StackRule(
        name="network-database-ingress", wants="nobody but groups and private networks at the database",
        applies=of(types.INGRESS), check=_database_ingress,
    ),
)  # fmt: skip
