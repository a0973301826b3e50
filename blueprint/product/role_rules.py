"""Rules of the product file about the database's roles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from blueprint import explain, names
from blueprint.postgres.roles import second_login
from blueprint.problems import Problem, Refused
from blueprint.product.checks import checked, twice, word
from blueprint.product.file import Product, RoleRow

# Environment variables of a Lambda function are 4 KB (quotas of AWS Lambda), and the roles function has each secret's
# ARN and role in them: "arn:aws:secretsmanager:", region, account, ":secret:", name, "-" and six characters.
ARNS_ROOM: Final = 4096 - 600
_ARN_BESIDE_NAME: Final = len("arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:/database/-AbCdEf") + 6


def names_of_roles(p: Product) -> Iterator[Problem]:
    """Names that PostgreSQL, RDS, PgBouncer and rotation leave free."""
    seconds = {second_login(role.name): role.name for role in p.roles if role.login == "password"}
    check_word = word("shop_app")
    for index, role in enumerate(p.roles):
        yield from checked(f"roles[{index}].name", role.name, check_word, _check_role)
        if role.name in seconds:
            yield Problem(
                field=f"roles[{index}].name", value=role.name, way_out="Rename one of them",
                rule=f"is the second login of {seconds[role.name]}, which rotation makes",
            )  # fmt: skip
        if role.name == p.master_username:
            yield Problem(
                field=f"roles[{index}].name", value=role.name, rule="is the masterUsername too, which RDS makes",
                way_out="Rename one of them",
            )  # fmt: skip
        if role.name in p.schemas and role.login == "none":
            yield Problem(
                field=f"roles[{index}].name", value=role.name, way_out="Rename one of them",
                rule="is one of the schemas too, and the owner has a schema of its own name beside them",
            )  # fmt: skip
    if p.master_username in seconds:
        yield Problem(
            field="masterUsername", value=p.master_username, way_out="Rename one of them",
            rule=f"is the second login of {seconds[p.master_username]} too, which rotation makes",
        )  # fmt: skip
    yield from twice("roles", (role.name for role in p.roles))


def _check_role(name: str) -> None:
    names.check_role_name(name, example="shop_app")
    way_out = "Choose another name, like shop_app"
    if name in (*names.RESERVED_USERNAMES, "postgres"):
        raise Refused("is a name that RDS or PostgreSQL keeps for itself", way_out)
    if name.startswith("rds"):
        raise Refused("begins with rds, as the roles do that RDS makes itself", way_out)
    if len(second_login(name)) > names.ROLE_NAME_LENGTH:
        raise Refused(
            f"has {len(name)} characters, and PostgreSQL takes {names.ROLE_NAME_LENGTH} of {second_login(name)}, the "
            "second login that rotation makes",
            "Shorten it",
        )
    if name == "pgbouncer":
        raise Refused("is the user of PgBouncer's own console", way_out)


def owner(p: Product) -> Iterator[Problem]:
    """One role owns schemas and tables."""
    owners = [role.name for role in p.roles if role.login == "none"]
    if len(owners) != 1:
        yield Problem(
            field="roles", value=", ".join(owners),
            rule=f"has {len(owners)} roles with login none, and the owner of schemas and tables is the one"
            if owners else "has no role with login none, which owns schemas and tables",
            way_out="Keep one; what a group may do, write at each role" if owners
            else "Add one, like shop_owner",
        )  # fmt: skip


def fields_of_roles(p: Product) -> Iterator[Problem]:
    """What a role has fits how it logs in."""
    for index, role in enumerate(p.roles):
        for name in _of_logins(role):
            yield Problem(
                field=f"roles[{index}].{name}", value="", way_out="Take it out",
                rule=f"is for roles that log in, and {role.name} has login none",
            )  # fmt: skip
        for name in _of_passwords(role):
            yield Problem(
                field=f"roles[{index}].{name}", value="", way_out="Take it out, or set login to password",
                rule=f"is for roles that log in with a password, and {role.name} has login {role.login}",
            )  # fmt: skip
        if role.pooled and role.login == "password" and role.audience != "application":
            yield Problem(
                field=f"roles[{index}].audience", value=role.audience or "",
                rule=f"is not application, and {role.name} is pooled: each host proves its PgBouncer by the role's own "
                "password",
                way_out="Set it to application, or pooled to false",
            )  # fmt: skip
        for schema in role.access:
            if schema not in p.schemas:
                yield Problem(
                    field=f"roles[{index}].access", value=schema, rule="is not one of the schemas",
                    way_out=explain.choose(schema, p.schemas),
                )  # fmt: skip
    if not any(role.pooled and role.audience == "application" for role in p.roles):
        yield Problem(
            field="roles", value="",
            rule="has none that is pooled with audience application, so no application logs in",
            way_out="Add one, like shop_app",
        )  # fmt: skip


def _of_logins(role: RoleRow) -> list[str]:
    """What the owner has, and can do nothing with."""
    if role.login != "none":
        return []
    fields = {
        "pooled": role.pooled,
        "audience": role.audience is not None,
        "access": bool(role.access),
        "becomes": bool(role.becomes),
        "memberOf": bool(role.member_of),
        "statementTimeoutSeconds": role.statement_timeout_seconds is not None,
    }
    return [name for name, has in fields.items() if has]


def _of_passwords(role: RoleRow) -> list[str]:
    """What a role has that logs in by IAM, and is of a password's secret."""
    fields = {"pooled": role.pooled, "audience": role.audience is not None}
    return [name for name, has in fields.items() if has and role.login == "iam"]


def becomes(p: Product) -> Iterator[Problem]:
    """Whoever changes schemas becomes the owner, in a session of its own."""
    owners = [role.name for role in p.roles if role.login == "none"]
    for index, role in enumerate(p.roles):
        for position, other in enumerate(role.becomes):
            if owners and other not in owners:
                yield Problem(
                    field=f"roles[{index}].becomes[{position}]", value=other, way_out=explain.choose(other, owners),
                    rule="is not the owner: whoever becomes another role that logs in is that one, and no log tells",
                )  # fmt: skip
        if role.becomes and role.pooled:
            yield Problem(
                field=f"roles[{index}].becomes", value=", ".join(role.becomes), way_out="Give it to a role of its own",
                rule="stands beside pooled: SET ROLE stays on a server connection, which another client of "
                f"{role.name} gets next",
            )  # fmt: skip
    if owners and not any(role.becomes and role.audience == "migration" for role in p.roles):
        yield Problem(
            field="roles", value="",
            rule="has none of audience migration that becomes the owner, so no deploy changes schemas",
            way_out=f"Add one, like shop_migrator, with a password, audience: migration and becomes: [{owners[0]}]",
        )  # fmt: skip


def room(p: Product) -> Iterator[Problem]:
    """The roles function's environment holds all ARNs."""
    listed = [p.master_username, *(role.name for role in p.roles if role.login == "password")]
    size = sum(_ARN_BESIDE_NAME + names.LONGEST_PREFIX + 2 * len(name) for name in listed)
    if size > ARNS_ROOM:
        yield Problem(
            field="roles", value="",
            rule=f"has {len(listed) - 1} with a password, whose names and secrets' ARNs take {size} bytes of the "
            f"{ARNS_ROOM} that the roles function's environment has for them",
            way_out="Shorten their names, or have fewer",
        )  # fmt: skip
