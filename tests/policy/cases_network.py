"""Cases of the rules on security groups."""

from __future__ import annotations

from typing import Any, Final

from policy.model import UNKNOWN, Resource
from policy.rules.types import (
    DEFAULT_SECURITY_GROUP,
    EGRESS,
    INGRESS,
    INSTANCE,
    SECURITY_GROUP,
    SECURITY_GROUP_RULE,
)
from tests.policy.cases import Case, absent, missing, passing, resource, violating

IN: Final = "vpc.SecurityGroupIngressRule it"
OUT: Final = "vpc.SecurityGroupEgressRule it"
WORLD: Final = "Name a network, or the security group of those who need it."
WORLD_IN: Final = f"EC2.18 wants nothing but 80 and 443 open to the world. {WORLD}"
WORLD_OUT: Final = f"network-egress wants nothing but HTTPS to the world. {WORLD}"
NARROW: Final = "network-narrow wants one TCP port and one peer a rule."
INLINE: Final = "EC2.2 wants openings that are resources of their own, and none in the default group."
DB_OUT: Final = "network-database-egress wants no way out of the database's group but to itself. Leave the rule out."
DB_IN: Final = (
    "network-database-ingress wants nobody but groups and private networks at the database. Name a private network in "
    "access.databaseNetworks."
)


def rule(type_: str = INGRESS, port: int | None = 443, **inputs: Any) -> Resource:
    """A rule on one TCP port."""
    return resource(type_, {"ipProtocol": "tcp", "fromPort": port, "toPort": port, **inputs})


def opened(said: str, **inputs: Any) -> Case:
    """An opening to the world that is refused."""
    return violating("network-ingress", rule(**inputs), f"{IN}: {said}. {WORLD_IN}")


TO_THE_WORLD: Final = [
    *passing(
        "network-ingress",
        rule(port=80, cidrIpv4="0.0.0.0/0"),
        rule(port=443, cidrIpv6="::/0"),
        rule(port=5432, cidrIpv4="10.0.0.1/8"),
        rule(port=5432, cidrIpv6="2400:1000::/20"),
        rule(port=22, cidrIpv4="198.18.0.0/16"),
        rule(port=5432, referencedSecurityGroupId=UNKNOWN),
    ),
    opened('cidrIpv4 is "0.0.0.0/0", fromPort is 22, toPort is 22', port=22, cidrIpv4="0.0.0.0/0"),
    opened('cidrIpv6 is "::/0", fromPort is 5432, toPort is 5432', port=5432, cidrIpv6="::/0"),
    opened('cidrIpv4 is "0.0.0.0/0", fromPort is 80, toPort is 444', port=80, toPort=444, cidrIpv4="0.0.0.0/0"),
    # Halves of the internet, and what cannot be read.
    opened('cidrIpv4 is "128.0.0.0/1", fromPort is 22, toPort is 22', port=22, cidrIpv4="128.0.0.0/1"),
    opened('cidrIpv4 is "10.0.0.0/7", fromPort is 22, toPort is 22', port=22, cidrIpv4="10.0.0.0/7"),
    opened('cidrIpv6 is "2400::/19", fromPort is 22, toPort is 22', port=22, cidrIpv6="2400::/19"),
    opened('cidrIpv4 is "everywhere", fromPort is 22, toPort is 22', port=22, cidrIpv4="everywhere"),
    opened(
        "cidrIpv4 is known only after the deployment, fromPort is 22, toPort is 22", port=22, cidrIpv4=UNKNOWN
    ),
    missing(
        "network-ingress", rule(port=None, cidrIpv4="0.0.0.0/0", ipProtocol="-1"),
        f'{IN}: cidrIpv4 is "0.0.0.0/0", fromPort is not stated, toPort is not stated. {WORLD_IN}',
    ),
    *passing("network-egress", rule(EGRESS, 443, cidrIpv4="0.0.0.0/0"), rule(EGRESS, 5432, cidrIpv4="10.0.0.0/16")),
    violating(
        "network-egress", rule(EGRESS, 80, cidrIpv4="0.0.0.0/0"),
        f'{OUT}: cidrIpv4 is "0.0.0.0/0", fromPort is 80, toPort is 80. {WORLD_OUT}',
    ),
    missing(
        "network-egress", rule(EGRESS, None, cidrIpv4="0.0.0.0/0"),
        f'{OUT}: cidrIpv4 is "0.0.0.0/0", fromPort is not stated, toPort is not stated. {WORLD_OUT}',
    ),
]  # fmt: skip

ONE_PORT: Final = [
    *passing("network-narrow", rule(cidrIpv4="0.0.0.0/0"), rule(EGRESS, referencedSecurityGroupId=UNKNOWN)),
    violating(
        "network-narrow", rule(ipProtocol="udp", cidrIpv4="10.0.0.0/8"),
        f'{IN}: ipProtocol is "udp". {NARROW} Write ip_protocol="tcp".',
    ),
    violating(
        "network-narrow", rule(port=1, toPort=65535, cidrIpv4="10.0.0.0/8"),
        f"{IN}: fromPort is 1, toPort is 65535. {NARROW} Write a rule for each port.",
    ),
    violating(
        "network-narrow", rule(cidrIpv4="10.0.0.0/8", referencedSecurityGroupId="sg-1"),
        f"{IN}: it opens to cidrIpv4 and referencedSecurityGroupId. {NARROW} Name one network or one group.",
    ),
    violating(
        "network-narrow", rule(prefixListId="pl-1"),
        f"{IN}: it opens to prefixListId. {NARROW} Name one network or one group.",
    ),
    missing(
        "network-narrow", resource(EGRESS, {}),
        f'{OUT}: ipProtocol is not stated. {NARROW} Write ip_protocol="tcp".',
        f"{OUT}: fromPort is not stated, toPort is not stated. {NARROW} Write a rule for each port.",
        f"{OUT}: it opens to nobody that it names. {NARROW} Name one network or one group.",
    ),
    *passing("network-no-inline", resource(SECURITY_GROUP, {"ingress": [], "description": "hosts"})),
    absent("network-no-inline", resource(DEFAULT_SECURITY_GROUP, {})),
    violating(
        "network-no-inline", resource(SECURITY_GROUP, {"ingress": [{"fromPort": 443}], "egress": UNKNOWN}),
        f"ec2.SecurityGroup it: ingress is stated inside the group. {INLINE} Write each rule as "
        "aws.vpc.SecurityGroup...Rule.",
        f"ec2.SecurityGroup it: egress is stated inside the group. {INLINE} Write each rule as "
        "aws.vpc.SecurityGroup...Rule.",
    ),
    violating(
        "network-no-inline", resource(SECURITY_GROUP_RULE, {"type": "ingress"}),
        f"ec2.SecurityGroupRule it: it is of the provider's old type. {INLINE} Use aws.vpc.SecurityGroupIngressRule or "
        "...EgressRule.",
    ),
]  # fmt: skip

# The database's group
DATABASE: Final = resource(SECURITY_GROUP, {}, "database")
APPLICATION: Final = resource(SECURITY_GROUP, {}, "application")
DB: Final = resource(INSTANCE, {"vpcSecurityGroupIds": [UNKNOWN]}, "db", {"vpcSecurityGroupIds": [DATABASE]})
ELSEWHERE: Final = resource(INSTANCE, {"vpcSecurityGroupIds": ["sg-1"]}, "elsewhere")
AROUND: Final = (DATABASE, APPLICATION, DB, ELSEWHERE)


def of_group(type_: str, group: Resource, peer: Resource | None = None, **inputs: Any) -> Resource:
    """A rule of a group, to another one or to a network."""
    referenced = {"referencedSecurityGroupId": UNKNOWN} if peer else {}
    return resource(
        type_, {"securityGroupId": UNKNOWN, **referenced, **inputs}, "it",
        {"securityGroupId": [group], "referencedSecurityGroupId": [peer] if peer else []},
    )  # fmt: skip


DATABASES: Final = [
    *passing(
        "network-database-egress",
        of_group(EGRESS, DATABASE, DATABASE),
        of_group(EGRESS, APPLICATION, cidrIpv4="0.0.0.0/0"),
        others=AROUND,
    ),
    violating(
        "network-database-egress", of_group(EGRESS, DATABASE, cidrIpv4="10.0.0.0/8"),
        f'{OUT}: cidrIpv4 is "10.0.0.0/8". {DB_OUT}', others=AROUND,
    ),
    violating(
        "network-database-egress", of_group(EGRESS, DATABASE, APPLICATION),
        f"{OUT}: referencedSecurityGroupId is known only after the deployment. {DB_OUT}", others=AROUND,
    ),
    missing("network-database-egress", of_group(EGRESS, DATABASE), f"{OUT}: it names no peer. {DB_OUT}", others=AROUND),
    *passing(
        "network-database-ingress",
        of_group(INGRESS, DATABASE, APPLICATION),
        of_group(INGRESS, DATABASE, cidrIpv4="10.8.0.0/24"),
        of_group(INGRESS, DATABASE, cidrIpv6="fd00::/64"),
        of_group(INGRESS, APPLICATION, cidrIpv4="0.0.0.0/0"),
        others=AROUND,
    ),
    violating(
        "network-database-ingress", of_group(INGRESS, DATABASE, cidrIpv4="203.0.113.0/24"),
        f'{IN}: cidrIpv4 is "203.0.113.0/24". {DB_IN}', others=AROUND,
    ),
    violating(
        "network-database-ingress", of_group(INGRESS, DATABASE, cidrIpv4=UNKNOWN),
        f"{IN}: cidrIpv4 is known only after the deployment. {DB_IN}", others=AROUND,
    ),
    absent("network-database-ingress", of_group(INGRESS, DATABASE), others=AROUND),
]  # fmt: skip

CASES: Final = [*TO_THE_WORLD, *ONE_PORT, *DATABASES]
