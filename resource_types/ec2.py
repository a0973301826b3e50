"""EC2: networks, and the rules of security groups, which pulumi-aws has in a module `vpc`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resource_types.model import TAGS, Bill, Call, Into, MotoLimit, PhysicalName, Reply, ResourceType, Target, key_value

_ALL_TRAFFIC_OUT = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
_GROUP_ID, _GROUP_ARN = "sg-{hex:.17}", "arn:aws:ec2:{region}:{account}:security-group/{id}"


def _specification(kind: str) -> Into:
    return Into("TagSpecifications", lambda tags: [{"ResourceType": kind, "Tags": key_value(tags)}])


def _default_group_of(vpc_id: str) -> list[dict[str, Any]]:
    return [{"Name": "vpc-id", "Values": [vpc_id]}, {"Name": "group-name", "Values": ["default"]}]


def _tagged(
    token: str,
    kind: str,
    create: Call,
    id_: Reply,
    *after: Call,
    bill: Bill = Bill.FREE,
    arn: bool = True,
    moto_limits: tuple[MotoLimit, ...] = (),
    **outputs: str,
) -> ResourceType:
    """`kind` as in the ARN and in the tag specification."""
    tagged = Call(create.operation, takes={"tags": _specification(kind), **create.takes}, gives=create.gives)
    arns = {"arn": f"arn:aws:ec2:{{region}}:{{account}}:{kind}/{{id}}"} if arn else {}
    return ResourceType(
        token,
        tagged=True,
        bill=bill,
        create=tagged,
        id=id_,
        outputs=arns | outputs,
        after=after,
        moto_limits=moto_limits,
    )


def _rule(token: str, direction: str) -> ResourceType:
    def described(inputs: Mapping[str, Any]) -> str:
        peer = "IpRanges" if "cidrIpv4" in inputs else "UserIdGroupPairs"
        return f"IpPermissions.0.{peer}.0.Description"

    takes: dict[str, Target] = {
        "securityGroupId": "GroupId",
        "ipProtocol": "IpPermissions.0.IpProtocol",
        "fromPort": "IpPermissions.0.FromPort",  # FromPort itself is a parameter too, of the days before VPCs
        "toPort": "IpPermissions.0.ToPort",
        "cidrIpv4": "IpPermissions.0.IpRanges.0.CidrIp",
        "referencedSecurityGroupId": "IpPermissions.0.UserIdGroupPairs.0.GroupId",
        "description": described,
    }
    return _tagged(
        token,
        "security-group-rule",
        Call(f"ec2.authorize_security_group_{direction}", takes=takes),
        Reply("SecurityGroupRules.0.SecurityGroupRuleId", "sgr-{hex:.17}"),
        moto_limits=(
            MotoLimit(
                "referencedSecurityGroupId",
                "DescribeSecurityGroupRules leaves such a rule's description out, DescribeSecurityGroups has it",
            ),
        ),
    )


def _vpc_attribute(input_: str, parameter: str) -> Call:
    return Call("ec2.modify_vpc_attribute", takes={input_: f"{parameter}.Value"}, gives={"VpcId": "{id}"})


TYPES = (
    _tagged(
        "aws:ec2/vpc:Vpc",
        "vpc",
        Call("ec2.create_vpc"),
        Reply("Vpc.VpcId", "vpc-{hex:.17}"),
        # The API takes one attribute a call.
        _vpc_attribute("enableDnsSupport", "EnableDnsSupport"),
        _vpc_attribute("enableDnsHostnames", "EnableDnsHostnames"),
    ),
    # Adopted, not made: found by its VPC, emptied of AWS's own rules, tagged.
    ResourceType(
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        tagged=True,
        bill=Bill.FREE,
        create=Call("ec2.describe_security_groups", takes={"vpcId": Into("Filters", _default_group_of)}),
        id=Reply("SecurityGroups.0.GroupId", _GROUP_ID),
        outputs={"arn": _GROUP_ARN},
        after=(
            Call("ec2.revoke_security_group_egress", gives={"GroupId": "{id}", "IpPermissions": _ALL_TRAFFIC_OUT}),
            Call("ec2.create_tags", takes={"tags": TAGS}, gives={"Resources": ["{id}"]}),
        ),
        moto_limits=(MotoLimit("", "moto's has no rule for its own members, so there is none to take away"),),
    ),
    _tagged(
        "aws:ec2/subnet:Subnet",
        "subnet",
        Call("ec2.create_subnet"),
        Reply("Subnet.SubnetId", "subnet-{hex:.17}"),
        Call(
            "ec2.modify_subnet_attribute",
            takes={"mapPublicIpOnLaunch": "MapPublicIpOnLaunch.Value"},
            gives={"SubnetId": "{id}"},
        ),
    ),
    _tagged(
        "aws:ec2/internetGateway:InternetGateway",
        "internet-gateway",
        Call("ec2.create_internet_gateway"),
        Reply("InternetGateway.InternetGatewayId", "igw-{hex:.17}"),
        Call("ec2.attach_internet_gateway", takes={"vpcId": "VpcId"}, gives={"InternetGatewayId": "{id}"}),
    ),
    _tagged(
        "aws:ec2/routeTable:RouteTable",
        "route-table",
        Call("ec2.create_route_table"),
        Reply("RouteTable.RouteTableId", "rtb-{hex:.17}"),
    ),
    ResourceType(
        "aws:ec2/route:Route",
        bill=Bill.FREE,
        create=Call("ec2.create_route"),
        id="r-{routeTableId}-{destinationCidrBlock}",
    ),
    ResourceType(
        "aws:ec2/routeTableAssociation:RouteTableAssociation",
        bill=Bill.FREE,
        create=Call("ec2.associate_route_table"),
        id=Reply("AssociationId", "rtbassoc-{hex:.17}"),
    ),
    _tagged(
        "aws:ec2/eip:Eip",
        "elastic-ip",
        Call("ec2.allocate_address"),
        Reply("AllocationId", "eipalloc-{hex:.17}"),
        bill=Bill.STANDING,
        allocationId="{id}",
    ),
    _tagged(
        "aws:ec2/natGateway:NatGateway",
        "natgateway",
        Call("ec2.create_nat_gateway"),
        Reply("NatGateway.NatGatewayId", "nat-{hex:.17}"),
        bill=Bill.STANDING,
        arn=False,
    ),
    _tagged(
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        "vpc-endpoint",
        Call("ec2.create_vpc_endpoint"),
        Reply("VpcEndpoint.VpcEndpointId", "vpce-{hex:.17}"),
        bill=Bill.STANDING,
    ),
    _tagged(
        "aws:ec2/flowLog:FlowLog",
        "vpc-flow-log",
        Call(
            "ec2.create_flow_logs",
            takes={"vpcId": "ResourceIds.0", "iamRoleArn": "DeliverLogsPermissionArn"},
            gives={"ResourceType": "VPC"},
        ),
        Reply("FlowLogIds.0", "fl-{hex:.17}"),
        bill=Bill.VOLUME,
        arn=False,
        moto_limits=(
            MotoLimit(
                "logDestination",
                "moto keeps it, yet looks for the log group by its name alone and says that delivery failed",
            ),
        ),
    ),
    ResourceType(
        "aws:ec2/securityGroup:SecurityGroup",
        tagged=True,
        bill=Bill.FREE,
        create=Call("ec2.create_security_group", takes={"tags": _specification("security-group")}),
        id=Reply("GroupId", _GROUP_ID),
        outputs={"arn": _GROUP_ARN, "name": "{name}"},
        named=PhysicalName("GroupName"),
        # As the provider does: rules are resources of their own, and AWS's open way out is none of them.
        after=(Call("ec2.revoke_security_group_egress", gives={"GroupId": "{id}", "IpPermissions": _ALL_TRAFFIC_OUT}),),
    ),
    _rule("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "ingress"),
    _rule("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "egress"),
)
