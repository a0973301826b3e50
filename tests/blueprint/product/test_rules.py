"""The product file's rules: each refusal by its whole text, all of them in one report, and ways out that pass."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from blueprint.product import rules
from blueprint.product.file import FILE, NOTHING, PRODUCT, parse
from tests.blueprint.product import SHOP

ITSELF: list[Any] = []
ITSELF.append(ITSELF)
OWNER, WEB, DEPLOY, METRICS = 0, 1, 2, 3  # the shop's roles
Edit = Callable[[dict[str, Any]], object]


def edited(edit: Edit) -> str:
    """The shop's file after an edit."""
    document = parse(SHOP)
    edit(document)
    return yaml.safe_dump(document, sort_keys=False)


def told(edit: Edit) -> list[str]:
    """What is said of the shop's file after an edit."""
    return [str(problem) for problem in rules.problems(edited(edit))]


def write(*path: str | int, value: Any) -> Edit:
    """A value at a path; None takes it out."""

    def edit(document: Any) -> None:
        for part in path[:-1]:
            document = document[part]
        if value is None:
            del document[path[-1]]
        elif isinstance(document, list) and path[-1] == len(document):
            document.append(value)
        else:
            document[path[-1]] = value

    return edit


def role(index: int, **values: Any) -> Edit:
    """A role with other values, by their keys in the file; None takes one out."""

    def edit(document: dict[str, Any]) -> None:
        row = document["roles"][index] | values
        document["roles"][index] = {key: value for key, value in row.items() if value is not None}

    return edit


def query(**values: Any) -> Edit:
    """The metric with other values."""
    return lambda document: document["metrics"]["queries"][0].update(values)


def test_the_product_of_this_repository_and_the_shop_have_no_problem() -> None:
    assert rules.problems(FILE.read_text(encoding="utf-8")) == rules.problems(SHOP) == []
    assert PRODUCT.prefix == "langpont"


LEAVES = "and a backup vault's name leaves 20 beside a stack's"
REFUSALS: dict[str, tuple[Edit, str]] = {
    "a prefix with a capital": (
        write("prefix", value="Shop"),
        "prefix Shop cannot begin an RDS identifier, which is lower-case letters, digits and single hyphens, from a "
        "letter to a letter or digit. Write it like shop.",
    ),
    "a long prefix": (
        write("prefix", value="a-shop-of-everything-x"),
        f"prefix a-shop-of-everything-x has 22 characters, {LEAVES}. Shorten it.",
    ),
    "an empty prefix": (write("prefix", value=""), "prefix '' is empty. Write a word."),
    "no prefix": (write("prefix", value=None), "prefix is missing. Write it; it has no default."),
    "a project with a blank": (
        write("project", value="A Shop"),
        "project A Shop is not letters, digits, dots, hyphens and underscores, as both a tag and a metric's namespace "
        "take them. Write it like Shop.",
    ),
    "a project like AWS's": (
        write("project", value="AwsShop"),
        "project AwsShop begins like the namespaces of AWS's own metrics. Write it like Shop.",
    ),
    "a long project": (
        write("project", value="S" * 65),
        f"project {'S' * 65} has 65 characters, and 64 are what fits. Shorten it.",
    ),
    "a database that exists": (
        write("database", value="postgres"),
        "database postgres is a database that PostgreSQL or RDS has already. Choose another name, like shop.",
    ),
    "a master that every attacker tries": (
        write("masterUsername", value="postgres"),
        "masterUsername postgres is the default name, which every attacker tries first (Security Hub RDS.25). Choose "
        "another name, like shop_admin.",
    ),
    "a schema of PostgreSQL": (
        write("schemas", 1, value="public"),
        "schemas[1] public is PostgreSQL's own, on which roles have rights that nobody gave. Write it like orders.",
    ),
    "a schema that begins with pg_": (
        write("schemas", 1, value="pg_shop"),
        "schemas[1] pg_shop begins with pg_, which PostgreSQL keeps for itself. Write it like orders.",
    ),
    "a schema in capitals": (
        write("schemas", 1, value="Orders"),
        "schemas[1] Orders is not a lower-case letter followed by lower-case letters, digits and underscores. Write it "
        "like orders.",
    ),
    "a schema twice": (write("schemas", 1, value="shop"), "schemas shop stands 2 times. Keep one of them."),
    "a setting with a blank": (
        write("databaseSettings", value={"work mem": "1MB"}),
        "databaseSettings work mem is not the name of a setting of PostgreSQL. Write it like "
        "default_text_search_config.",
    ),
    "a search path": (
        write("databaseSettings", value={"search_path": "shop, public"}),
        "databaseSettings search_path is a list of names, and would be set as one of them. Take it out, and write "
        "names with their schemas.",
    ),
    "a role in capitals": (
        role(WEB, name="ShopWeb"),
        "roles[1].name ShopWeb is not a lower-case letter followed by lower-case letters, digits and underscores. "
        "Write it like shop_app.",
    ),
    "a role of a reserved word": (
        role(WEB, name="user"),
        "roles[1].name user is a reserved word of PostgreSQL 16. Write it like shop_app.",
    ),
    "a role of RDS": (
        role(WEB, name="rds_web"),
        "roles[1].name rds_web begins with rds, as the roles do that RDS makes itself. Choose another name, like "
        "shop_app.",
    ),
    "PgBouncer's own user": (
        role(WEB, name="pgbouncer"),
        "roles[1].name pgbouncer is the user of PgBouncer's own console. Choose another name, like shop_app.",
    ),
    "a role that is nobody's": (
        role(WEB, name="public"),
        "roles[1].name public is a name that RDS or PostgreSQL keeps for itself. Choose another name, like "
        "shop_app.",
    ),
    "a long role": (
        role(WEB, name="w" * 64),
        f"roles[1].name {'w' * 64} has 64 characters, and PostgreSQL takes 63. Shorten it.",
    ),
    "a role whose second login is too long": (
        role(WEB, name="w" * 62),
        f"roles[1].name {'w' * 62} has 62 characters, and PostgreSQL takes 63 of {'w' * 62}_b, the second login that "
        "rotation makes. Shorten it.",
    ),
    "a role that is another's second login": (
        role(DEPLOY, name="shop_web_b"),
        "roles[2].name shop_web_b is the second login of shop_web, which rotation makes. Rename one of them.",
    ),
    "the master as a role": (
        role(WEB, name="shop_admin"),
        "roles[1].name shop_admin is the masterUsername too, which RDS makes. Rename one of them.",
    ),
    "the master as another's second login": (
        write("masterUsername", value="shop_web_b"),
        "masterUsername shop_web_b is the second login of shop_web too, which rotation makes. Rename one of them.",
    ),
    "an owner called as a schema": (
        lambda document: (role(OWNER, name="shop")(document), role(DEPLOY, becomes=["shop"])(document)),
        "roles[0].name shop is one of the schemas too, and the owner has a schema of its own name beside them. Rename "
        "one of them.",
    ),
    "a role twice": (
        write("roles", 4, value={"name": "shop_web", "login": "iam", "purpose": "looks"}),
        "roles shop_web stands 2 times. Keep one of them.",
    ),
    "two owners": (
        write("roles", 4, value={"name": "shop_all", "login": "none", "purpose": "owns more"}),
        "roles shop_owner, shop_all has 2 roles with login none, and the owner of schemas and tables is the one. Keep "
        "one; what a group may do, write at each role.",
    ),
    "an owner with rights": (
        role(OWNER, statementTimeoutSeconds=5),
        "roles[0].statementTimeoutSeconds is for roles that log in, and shop_owner has login none. Take it out.",
    ),
    "a secret of somebody who has none": (
        write("roles", 4, value={"name": "shop_people", "login": "iam", "purpose": "looks", "audience": "application"}),
        "roles[4].audience is for roles that log in with a password, and shop_people has login iam. Take it out, or "
        "set login to password.",
    ),
    "a pooled role whose secret no host reads": (
        role(METRICS, pooled=True),
        "roles[3].audience is not application, and shop_metrics is pooled: each host proves its PgBouncer by the "
        "role's own password. Set it to application, or pooled to false.",
    ),
    "no role for an application": (
        role(WEB, pooled=False),
        "roles has none that is pooled with audience application, so no application logs in. Add one, like shop_app.",
    ),
    "rights in a schema that is none": (
        role(WEB, access={"shops": "write"}),
        "roles[1].access shops is not one of the schemas. Write shop if that is meant.",
    ),
    "a role that becomes another login": (
        role(DEPLOY, becomes=["shop_owner", "shop_metrics"]),
        "roles[2].becomes[1] shop_metrics is not the owner: whoever becomes another role that logs in is that one, and "
        "no log tells. Choose from shop_owner.",
    ),
    "a pooled role that becomes the owner": (
        role(WEB, becomes=["shop_owner"]),
        "roles[1].becomes shop_owner stands beside pooled: SET ROLE stays on a server connection, which another client "
        "of shop_web gets next. Give it to a role of its own.",
    ),
    "nobody who changes schemas": (
        role(DEPLOY, becomes=None),
        "roles has none of audience migration that becomes the owner, so no deploy changes schemas. Add one, like "
        "shop_migrator, with a password, audience: migration and becomes: [shop_owner].",
    ),
    "a role that changes schemas and whose secret no deploy reads": (
        role(DEPLOY, audience=None),
        "roles has none of audience migration that becomes the owner, so no deploy changes schemas. Add one, like "
        "shop_migrator, with a password, audience: migration and becomes: [shop_owner].",
    ),
    "a right that RDS's master has not to give": (
        role(WEB, memberOf=["pg_write_server_files"]),
        "roles[1].memberOf[0] pg_write_server_files is not one of its values. Choose from pg_monitor.",
    ),
    "a key that is none": (
        role(WEB, poled=True),
        "roles[1].poled is not a setting. Write pooled if that is meant.",
    ),
    "a switch in quotes": (
        role(WEB, pooled="true"),
        'roles[1].pooled "true" is not a switch. Write true or false, without quotes.',
    ),
    "a switch that holds itself": (
        role(WEB, pooled=ITSELF),
        "roles[1].pooled (a list) is not a switch. Write true or false, without quotes.",
    ),
    "a purpose of two lines": (
        role(WEB, purpose="sells\nthings"),
        "roles[1].purpose sells\\u000athings has a line break or another character that is not printed. Write it in "
        "one line.",
    ),
    "too many roles": (
        lambda document: document["roles"].extend(
            {"name": f"shop_worker_{n}", "login": "password", "purpose": "works"} for n in range(25)
        ),
        "roles has 28 with a password, whose names and secrets' ARNs take 3923 bytes of the 3496 that the roles "
        "function's environment has for them. Shorten their names, or have fewer.",
    ),
    "metrics of nobody": (
        write("metrics", "role", value="shop_metric"),
        "metrics.role shop_metric is not one of the roles with a password. Write shop_metrics if that is meant.",
    ),
    "metrics of somebody who sees only himself": (
        write("metrics", "role", value="shop_web"),
        "metrics.role shop_web is no member of pg_monitor, so that it sees nobody's sessions but its own. Write "
        "memberOf: [pg_monitor] at the role.",
    ),
    "a metric of the function's own": (
        query(name="blocked_sessions"),
        "metrics.queries[0].name blocked_sessions is a metric that the function publishes by itself. Write it like "
        "orders_1h.",
    ),
    "a size that its alarm would misread": (
        query(name="database_size_mb", unit="Bytes"),
        "metrics.queries[0].unit Bytes is the unit of database_size_mb, which the alarm size-near-ceiling reads as "
        "MiB. Set it to Megabytes, or give the metric another name.",
    ),
    "a metric that is no word": (
        query(name="orders/h"),
        "metrics.queries[0].name orders/h is not a lower-case letter followed by at most 99 letters, digits and "
        "underscores. Write it like orders_1h.",
    ),
    "a metric that writes": (
        query(sql="DELETE FROM shop.orders"),
        "metrics.queries[0].sql DELETE FROM shop.orders is no SELECT, and the function reads. Write one SELECT that "
        "answers one number.",
    ),
    "two statements": (
        query(sql="SELECT 1; SELECT 2"),
        "metrics.queries[0].sql SELECT 1; SELECT 2 has a semicolon, and is sent as one statement. Take it out; a "
        "metric is one SELECT.",
    ),
    "a comment that hides the rest": (
        query(sql="SELECT 1 -- one"),
        "metrics.queries[0].sql SELECT 1 -- one has a comment of SQL, which hides what follows where YAML folds lines. "
        "Write it as a comment of YAML.",
    ),
    "a slice of an array": (
        query(sql="SELECT cardinality(a[1:2]) FROM shop.orders"),
        "metrics.queries[0].sql SELECT cardinality(a[1:2]) FROM shop.orders has a colon that is no cast, or a dollar "
        "with a number, which pg8000 takes for a value that is due. Write it otherwise, or make a view in a migration.",
    ),
    "a parameter": (
        query(sql="SELECT $1"),
        "metrics.queries[0].sql SELECT $1 has a colon that is no cast, or a dollar with a number, which pg8000 takes "
        "for a value that is due. Write it otherwise, or make a view in a migration.",
    ),
    "a long statement": (
        query(sql=f"SELECT {'1 + ' * 1000}1"),
        f"metrics.queries[0].sql SELECT {'1 + ' * 18}1... has 4008 characters, and 4000 are what fits. Make a view in "
        "a migration.",
    ),
    "metrics that take long": (
        query(timeoutSeconds=61),
        "metrics.queries may take 61 s together, and a run leaves them 60. Lower some timeoutSeconds.",
    ),
    "a unit in small letters": (
        query(unit="count"),
        "metrics.queries[0].unit count is not one of its values. Choose from Seconds, Microseconds, Milliseconds, "
        "Percent, None, Bytes, Kilobytes, Megabytes, Gigabytes, Terabytes, Bits, Kilobits, Megabits, Gigabits, "
        "Terabits, Count, Bytes/Second, Kilobytes/Second, Megabytes/Second, Gigabytes/Second, Terabytes/Second, "
        "Bits/Second, Kilobits/Second, Megabits/Second, Gigabits/Second, Terabits/Second or Count/Second.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_it_is_refused_by_its_whole_sentence(name: str) -> None:
    edit, sentence = REFUSALS[name]
    assert told(edit) == [sentence]


def test_what_a_way_out_names_passes_in_its_place() -> None:
    followed = set()
    for edit, _ in REFUSALS.values():
        for problem in rules.problems(edited(edit)):
            example = re.fullmatch(r"(?:Write it|Choose another name,) like (\w+)", problem.way_out)
            if example is None or problem.field == "databaseSettings":  # where it is a key
                continue
            path = [int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", problem.field)]
            document = yaml.safe_load(edited(edit))
            write(*path, value=example[1])(document)
            assert problem.field not in [each.field for each in rules.problems(yaml.safe_dump(document))]
            followed.add(problem.field)
    assert followed == {
        "prefix", "project", "database", "masterUsername", "schemas[1]", "roles[1].name", "metrics.queries[0].name",
    }  # fmt: skip


def test_quotes_hide_what_would_be_refused_in_a_statement() -> None:
    assert told(query(sql="SELECT count(*) FROM shop.orders WHERE note = 'a; --' AND \"x;y\" = 1")) == []
    assert told(query(sql="WITH a AS (SELECT 1) SELECT count(*) FROM a")) == []
    assert told(query(sql="SELECT count(*)::int FROM shop.orders WHERE note = 'at 12:30, $1'")) == []


def test_all_problems_are_told_at_once_and_rules_speak_where_fields_have_their_form() -> None:
    def edit(document: dict[str, Any]) -> None:
        write("prefix", value="Shop")(document)
        write("schemas", value="shop")(document)
        role(WEB, name="rds_web")(document)
        query(timeoutSeconds=0, sql="DELETE")(document)

    # What is asked of roles and schemas together, and of metrics, waits for their form.
    assert told(edit) == [
        "schemas shop is not a list. Write one item a line, each after a dash.",
        "metrics.queries[0].timeoutSeconds 0 is less than 1. Give 1 or more.",
        "prefix Shop cannot begin an RDS identifier, which is lower-case letters, digits and single hyphens, from a "
        "letter to a letter or digit. Write it like shop.",
    ]


def test_keys_are_written_as_the_schema_has_them() -> None:
    def edit(document: dict[str, Any]) -> None:
        document["master_username"] = document.pop("masterUsername")
        role(METRICS, memberOf=None, member_of=["pg_monitor"])(document)

    assert told(edit) == [
        "masterUsername is missing. Write it; it has no default.",
        "roles[3].member_of is not a setting. Write memberOf if that is meant.",
        "master_username is not a setting. Write masterUsername if that is meant.",
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "product.yaml is no mapping. Begin it with `prefix:`."),
        ("- prefix", "product.yaml is no mapping. Begin it with `prefix:`."),
        ("prefix: a\nproject: b\nprefix: c\n", "product.yaml line 3: the key prefix stands twice. Keep one of them."),
        ("prefix: [a\nproject: b", "product.yaml line 2: expected ',' or ']', but got ':'. Correct the YAML."),
        ("prefix: \x00", "product.yaml unacceptable character"),
        ("prefix: shop\n[a, b]: c\n", "product.yaml line 2: found unhashable key. Correct the YAML."),
        ("roles: !!map x\n", "product.yaml line 1: expected a mapping node, but found scalar. Correct the YAML."),
        ("prefix: shop\ndatabase: 2026-02-30\n", "product.yaml line 2: 2026-02-30 is no timestamp. Put it in quotes."),
        ("prefix: !!bool maybe\n", "product.yaml line 1: maybe is no bool. Put it in quotes."),
        ("[" * 3000, "product.yaml is nested too deeply. Correct the YAML."),
    ],
)
def test_what_is_no_yaml_is_one_problem(text: str, sentence: str) -> None:
    (problem,) = rules.problems(text)
    assert str(problem).startswith(sentence)


def test_what_stands_in_for_a_refused_file_can_be_used_as_one() -> None:
    assert [role.login for role in NOTHING.roles] == ["none", "password", "password", "password"]
    assert NOTHING.metrics.role in [role.name for role in NOTHING.roles]
