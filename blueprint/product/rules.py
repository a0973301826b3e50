"""Rules of the product file: what PostgreSQL, PgBouncer, AWS and the program itself ask of its names and tables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import TypeAdapter, ValidationError

from blueprint import explain, names
from blueprint.monitoring import metrics
from blueprint.postgres.roles import second_login
from blueprint.problems import FileRefused, Problem, Refused
from blueprint.product.file import FILE, Product, RoleRow, Unreadable, parse

# A stack's name, which follows it, has at least these: "-staging".
LONGEST_PREFIX: Final = names.LONGEST_PREFIX - len("-staging")
LONGEST_PROJECT: Final = 64  # judgement; a metric's namespace may have 255 characters with what follows it
# Environment variables of a Lambda function are 4 KB (quotas of AWS Lambda), and the roles function has each secret's
# ARN and role in them: "arn:aws:secretsmanager:", region, account, ":secret:", name, "-" and six characters.
ARNS_ROOM: Final = 4096 - 600
_ARN_BESIDE_NAME: Final = len("arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:/database/-AbCdEf") + 6
LONGEST_SQL: Final = 4000  # judgement: a definition is read by people
# Judgement: the function has 120 s for all of them, for each instance, and for hosts that do not answer.
SECONDS_OF_ALL: Final = 60
MOST_QUERIES: Final = 90  # of the 100 metrics that one line in CloudWatch's embedded metric format may have
# What the function publishes by itself.
OWN_METRICS: Final = frozenset(
    (metrics.FAILED_STATEMENTS, metrics.CERTIFICATE_DAYS, *(metric.name for metric in metrics.INSTANCE_METRICS))
)


class ProductRefused(FileRefused):
    """A product file with problems."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        super().__init__(FILE.name, tuple(problems))


@cache
def check() -> None:
    """Check the file of this product, which a command does before it uses `PRODUCT`. Raises `ProductRefused`."""
    found = problems(_text(FILE))
    if found:
        raise ProductRefused(found)


def _text(path: Path) -> str | Problem:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        return _whole(f"cannot be read: {error.strerror}", "Look at the file, or take it from git")
    except UnicodeDecodeError:
        return _whole("is not UTF-8", "Save the file as UTF-8")


def _whole(rule: str, way_out: str) -> Problem:
    return Problem(field=FILE.name, value="", rule=rule, way_out=way_out)


def problems(text: str | Problem) -> list[Problem]:
    """All that is wrong with a product file. A rule speaks where the fields that it reads have their form."""
    if isinstance(text, Problem):
        return [text]
    try:
        document = parse(text)
    except Unreadable as error:
        told, _, way_out = str(error).removesuffix(".").rpartition(". ")
        return [_whole(told, way_out)]
    found: list[Problem] = []
    broken: set[str] = set()
    try:
        product = Product.model_validate(document)
    except ValidationError as error:
        details = error.errors(include_url=False)
        found = [explain.problem("", Product, item) for item in details]
        broken = {explain.name_of(Product, item["loc"][0]) for item in details if item["loc"]}
        product = _partial(document, broken)
    for rule in RULES:
        if not broken.intersection(rule.reads):
            found += rule.check(product)
    return found


def _partial(document: dict[str, Any], broken: set[str]) -> Product:
    """The product without its refused fields, for the rules that do not read those."""
    values: dict[str, Any] = {}
    for name, info in Product.model_fields.items():
        if name not in broken and info.alias in document:
            adapter: TypeAdapter[Any] = TypeAdapter(info.rebuild_annotation())
            values[name] = adapter.validate_python(document[info.alias])
        elif name not in broken:
            values[name] = info.get_default()
    return Product.model_construct(**values)


def _checked(field: str, value: str, *checks: Callable[[str], None]) -> Iterator[Problem]:
    """The first refusal of a value."""
    for one in checks:
        try:
            one(value)
        except Refused as refusal:
            yield refusal.problem(field, value)
            return


def _twice(field: str, values: Iterable[str]) -> Iterator[Problem]:
    for value, count in Counter(values).items():
        if count > 1:
            yield Problem(field=field, value=value, rule=f"stands {count} times", way_out="Keep one of them")


# Names


def _prefix(p: Product) -> Iterator[Problem]:
    yield from _checked("prefix", p.prefix, _check_prefix)


def _check_prefix(prefix: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", prefix):
        raise Refused(
            "cannot begin an RDS identifier, which is lower-case letters, digits and single hyphens, from a letter to "
            "a letter or digit",
            "Write it like shop",
        )
    if len(prefix) > LONGEST_PREFIX:
        raise Refused(
            f"has {len(prefix)} characters, and a backup vault's name leaves {LONGEST_PREFIX} beside a stack's",
            "Shorten it",
        )


def _project(p: Product) -> Iterator[Problem]:
    yield from _checked("project", p.project, _check_project)


def _check_project(project: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", project):
        raise Refused(
            "is not letters, digits, dots, hyphens and underscores, as both a tag and a metric's namespace take them",
            "Write it like Shop",
        )
    if project.lower().startswith("aws"):
        raise Refused("begins like the namespaces of AWS's own metrics", "Write it like Shop")
    if len(project) > LONGEST_PROJECT:
        raise Refused(f"has {len(project)} characters, and {LONGEST_PROJECT} are what fits", "Shorten it")


def _database(p: Product) -> Iterator[Problem]:
    yield from _checked("database", p.database, partial(names.check_database_name, example="shop"))


def _master(p: Product) -> Iterator[Problem]:
    yield from _checked("masterUsername", p.master_username, partial(names.check_master_username, example="shop_admin"))


# Schemas and settings


def _check_word(example: str) -> Callable[[str], None]:
    def check_word(name: str) -> None:
        way_out = f"Write it like {example}"
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise Refused("is not a lower-case letter followed by lower-case letters, digits and underscores", way_out)
        if len(name) > names.ROLE_NAME_LENGTH:
            raise Refused(f"has {len(name)} characters, and PostgreSQL takes {names.ROLE_NAME_LENGTH}", "Shorten it")
        if name.startswith("pg_"):
            raise Refused("begins with pg_, which PostgreSQL keeps for itself", way_out)
        if name in names.RESERVED_WORDS:
            raise Refused("is a reserved word of PostgreSQL 16", way_out)

    return check_word


def _schemas(p: Product) -> Iterator[Problem]:
    for index, schema in enumerate(p.schemas):
        yield from _checked(f"schemas[{index}]", schema, _check_word("orders"), _check_schema)
    yield from _twice("schemas", p.schemas)


def _check_schema(name: str) -> None:
    if name in ("public", "information_schema"):
        raise Refused("is PostgreSQL's own, on which roles have rights that nobody gave", "Write it like orders")


def _settings(p: Product) -> Iterator[Problem]:
    for name in p.database_settings:
        if not re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?", name):
            yield Problem(
                field="databaseSettings", value=name, rule="is not the name of a setting of PostgreSQL",
                way_out="Write it like default_text_search_config",
            )  # fmt: skip


# Roles


def _role_names(p: Product) -> Iterator[Problem]:
    seconds = {second_login(role.name): role.name for role in p.roles if role.login == "password"}
    check_word = _check_word("shop_app")
    for index, role in enumerate(p.roles):
        yield from _checked(f"roles[{index}].name", role.name, check_word, _check_role)
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
    yield from _twice("roles", (role.name for role in p.roles))


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


def _owner(p: Product) -> Iterator[Problem]:
    owners = [role.name for role in p.roles if role.login == "none"]
    if len(owners) != 1:
        yield Problem(
            field="roles", value=", ".join(owners),
            rule=f"has {len(owners)} roles with login none, and the owner of schemas and tables is the one"
            if owners else "has no role with login none, which owns schemas and tables",
            way_out="Keep one; what a group may do, write at each role" if owners
            else "Add one, like shop_owner",
        )  # fmt: skip


def _role_fields(p: Product) -> Iterator[Problem]:
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


def _becomes(p: Product) -> Iterator[Problem]:
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


def _room(p: Product) -> Iterator[Problem]:
    listed = [p.master_username, *(role.name for role in p.roles if role.login == "password")]
    size = sum(_ARN_BESIDE_NAME + names.LONGEST_PREFIX + 2 * len(name) for name in listed)
    if size > ARNS_ROOM:
        yield Problem(
            field="roles", value="",
            rule=f"has {len(listed) - 1} with a password, whose names and secrets' ARNs take {size} bytes of the "
            f"{ARNS_ROOM} that the roles function's environment has for them",
            way_out="Shorten their names, or have fewer",
        )  # fmt: skip


# Metrics


def _metrics_role(p: Product) -> Iterator[Problem]:
    field, name = "metrics.role", p.metrics.role
    role = next((role for role in p.roles if role.name == name), None)
    if role is None or role.login != "password":
        known = [role.name for role in p.roles if role.login == "password"]
        yield Problem(
            field=field, value=name, rule="is not one of the roles with a password",
            way_out=explain.choose(name, known) if known else "Add one to roles, like shop_metrics",
        )  # fmt: skip
    elif "pg_monitor" not in role.member_of:
        yield Problem(
            field=field, value=name, rule="is no member of pg_monitor, so that it sees nobody's sessions but its own",
            way_out="Write memberOf: [pg_monitor] at the role",
        )  # fmt: skip


def _queries(p: Product) -> Iterator[Problem]:
    rows = p.metrics.queries
    for index, row in enumerate(rows):
        field = f"metrics.queries[{index}]"
        yield from _checked(f"{field}.name", row.name, _check_metric)
        yield from _checked(f"{field}.sql", row.sql, _check_sql)
        if row.name == metrics.DATABASE_SIZE and row.unit != "Megabytes":
            yield Problem(
                field=f"{field}.unit", value=row.unit, way_out="Set it to Megabytes, or give the metric another name",
                rule=f"is the unit of {row.name}, which the alarm size-near-ceiling reads as MiB",
            )  # fmt: skip
    yield from _twice("metrics.queries", (row.name for row in rows))
    seconds = sum(row.timeout_seconds for row in rows)
    if seconds > SECONDS_OF_ALL:
        yield Problem(
            field="metrics.queries", value="", way_out="Lower some timeoutSeconds",
            rule=f"may take {seconds} s together, and a run leaves them {SECONDS_OF_ALL}",
        )  # fmt: skip
    if len(rows) > MOST_QUERIES:
        yield Problem(
            field="metrics.queries", value="", way_out="Have fewer",
            rule=f"has {len(rows)} rows, and {MOST_QUERIES} are what a run publishes",
        )  # fmt: skip


def _check_metric(name: str) -> None:
    way_out = "Write it like orders_1h"
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,99}", name):
        raise Refused("is not a lower-case letter followed by at most 99 letters, digits and underscores", way_out)
    if name in OWN_METRICS:
        raise Refused("is a metric that the function publishes by itself", way_out)


def _check_sql(sql: str) -> None:
    bare = re.sub(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", "''", sql)
    if not re.match(r"\s*(select|with)\b", bare, re.IGNORECASE):
        raise Refused("is no SELECT, and the function reads", "Write one SELECT that answers one number")
    if ";" in bare:
        raise Refused("has a semicolon, and is sent as one statement", "Take it out; a metric is one SELECT")
    if "--" in bare or "/*" in bare:
        raise Refused(
            "has a comment of SQL, which hides what follows where YAML folds lines", "Write it as a comment of YAML"
        )
    if re.search(r"(?<!:):(?![:=])|\$[0-9]", bare):
        raise Refused(
            "has a colon that is no cast, or a dollar with a number, which pg8000 takes for a value that is due",
            "Write it otherwise, or make a view in a migration",
        )
    if len(sql) > LONGEST_SQL:
        raise Refused(f"has {len(sql)} characters, and {LONGEST_SQL} are what fits", "Make a view in a migration")


class Rule(NamedTuple):
    """A rule, and the fields of the file that it reads."""

    reads: tuple[str, ...]
    check: Callable[[Product], Iterator[Problem]]


RULES: Final = (
    Rule(("prefix",), _prefix),
    Rule(("project",), _project),
    Rule(("database",), _database),
    Rule(("master_username",), _master),
    Rule(("schemas",), _schemas),
    Rule(("database_settings",), _settings),
    Rule(("master_username", "roles", "schemas"), _role_names),
    Rule(("roles",), _owner),
    Rule(("roles", "schemas"), _role_fields),
    Rule(("roles",), _becomes),
    Rule(("master_username", "roles"), _room),
    Rule(("metrics", "roles"), _metrics_role),
    Rule(("metrics",), _queries),
)
