"""An application's program: the role of its hosts and the environment of its processes, from the database's outputs."""

import json

import pulumi
import pulumi_aws as aws

from langpont_db.outputs import environment, migration_environment

# The stack of the same name. With Pulumi Cloud "organization" is the organization's name.
database = pulumi.StackReference(f"organization/langpont-database/{pulumi.get_stack()}")

trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
role = aws.iam.Role("host", assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
aws.iam.RolePolicyAttachment("host", role=role.name, policy_arn=database.require_output("applicationPolicyArn"))

pulumi.export("hostRole", role.name)
pulumi.export("hostSecurityGroup", database.require_output("applicationSecurityGroupId"))
# Numbers arrive as floats, which these two take as the whole numbers that they are ...
pulumi.export("environment", database.outputs.apply(environment))
pulumi.export("migrationEnvironment", database.outputs.apply(migration_environment))
# ... and which a text of one's own must not show: 5432.0 is no port.
port = database.require_output("port").apply(int)
pulumi.export("address", pulumi.Output.concat(database.require_output("primaryEndpoint"), ":", port.apply(str)))
