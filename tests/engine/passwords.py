"""Whether a password is the same in every place that holds it: secret, PgBouncer's user list, instance."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

from blueprint.postgres import scram
from tests.engine.providers.cloud import Cloud
from tests.engine.providers.rds import INSTANCE

VERSION = "aws:secretsmanager/secretVersion:SecretVersion"
INVOCATION = "aws:lambda/invocation:Invocation"


def values(cloud: Cloud) -> dict[str, str]:
    """The password in each role's secret."""
    documents = [json.loads(each.properties["secretString"]) for each in cloud.all(VERSION)]
    return {each["username"]: each["password"] for each in documents if "username" in each}


def listed(cloud: Cloud) -> dict[str, str]:
    """PgBouncer's user list as it is published: verifier by role."""
    documents = [json.loads(each.properties["secretString"]) for each in cloud.all(VERSION)]
    [users] = [each["userlist.txt"] for each in documents if "userlist.txt" in each]
    return {line.split('"')[1]: line.split('"')[3] for line in users.splitlines()}


def differing(cloud: Cloud) -> list[str]:
    """Who has another password than the role's secret says, and what the roles function has not been told."""
    in_secrets, found = values(cloud), []
    for role, verifier in listed(cloud).items():
        if verifier != scram.verifier(in_secrets[role], base64.b64decode(verifier.split("$")[1].split(":")[1])):
            found.append(f"user list: {role}")
    for each in cloud.all(INSTANCE):
        master = each.properties.get("username")
        given = each.properties.get("password")  # a replica has its source's
        if master is not None and given is not None and given != in_secrets[master]:
            found.append(f"{each.logical_name}: {master}")
    versions = {it.properties["versionId"] for it in cloud.all(VERSION) if "username" in it.properties["secretString"]}
    for each in cloud.all(INVOCATION):
        told = {value for key, value in each.properties["triggers"].items() if key.startswith("secret-")}
        found += [f"roles function: {len(versions - told)} newer secrets"] if told != versions else []
    return found


if __name__ == "__main__":  # what stands for `ops roles check`
    print(*differing(Cloud(Path(sys.argv[1]))), sep="\n")
    sys.exit(bool(differing(Cloud(Path(sys.argv[1])))))
