"""Environment variables from a stack's outputs, for an application and a migration."""

from __future__ import annotations

import json
from typing import Any

import pytest

from blueprint.postgres import roles
from langpont_db import Database, SettingsRefused, outputs
from langpont_db.outputs import ROLES, environment, migration_environment
from langpont_db.settings import read, read_migration
from recording.recording import reveal
from tests.recordings import STACKS, recording


def of(stack: str) -> dict[str, Any]:
    """As `pulumi stack output --json` prints them."""
    found: dict[str, Any] = json.loads(json.dumps(reveal(recording(stack).outputs)))
    return found


def test_outputs_from_before_they_named_roles_are_langpont_s() -> None:
    given = of("prod")
    assert given.pop("roles") == ROLES
    assert dict(ROLES) == {
        "application": roles.APPLICATION, "reader": roles.READER, "migrator": roles.MIGRATOR, "owner": roles.OWNER,
    }  # fmt: skip
    assert environment(given) == environment(of("prod"))
    assert migration_environment(given) == migration_environment(of("prod"))


def test_another_product_s_roles_are_those_that_its_outputs_name() -> None:
    given = of("prod")
    given["roles"] = {"application": "shop_web", "reader": "shop_web", "migrator": "shop_deploy", "owner": "shop_all"}
    given["secretArns"] = {"shop_web": "arn:web", "shop_deploy": "arn:deploy"}
    found = environment(given) | migration_environment(given)
    assert {name: value for name, value in found.items() if "shop" in value or "arn:" in value} == {
        "DATABASE_PRIMARY_URL": "postgresql://shop_web@127.0.0.1:6432/langpont?sslmode=disable",
        "DATABASE_PRIMARY_SECRET_ARN": "arn:web",
        "DATABASE_REPLICA_URLS": "postgresql://shop_web@127.0.0.1:6432/langpont_replica_1?sslmode=disable",
        "DATABASE_ANALYTICS_REPLICA_URLS": "postgresql://shop_web@127.0.0.1:6432/langpont_replica_2?sslmode=disable",
        "DATABASE_REPLICA_SECRET_ARN": "arn:web",
        "DATABASE_MIGRATION_URL": f"postgresql://shop_deploy@{given['primaryEndpoint']}:5432/langpont",
        "DATABASE_MIGRATION_SECRET_ARN": "arn:deploy",
        "DATABASE_MIGRATION_ROLE": "shop_all",
    }


def test_roles_of_another_shape_are_named() -> None:
    with pytest.raises(SettingsRefused) as refused:
        environment(of("prod") | {"roles": {"application": "shop_web"}})
    assert refused.value.problems == (
        "roles.reader, a string, is missing.",
        "secretArns.shop_web, a string, is missing.",
    )


def test_the_environment_of_prod() -> None:
    stack = of("prod")
    url = "postgresql://{}@127.0.0.1:6432/{}?sslmode=disable"
    assert environment(stack) == {
        "DATABASE_PRIMARY_URL": url.format("langpont_app", "langpont"),
        "DATABASE_PRIMARY_SECRET_ARN": stack["secretArns"]["langpont_app"],
        "DATABASE_REPLICA_URLS": url.format("langpont_readonly", "langpont_replica_1"),
        "DATABASE_ANALYTICS_REPLICA_URLS": url.format("langpont_readonly", "langpont_replica_2"),
        "DATABASE_REPLICA_SECRET_ARN": stack["secretArns"]["langpont_readonly"],
        "DATABASE_PRIMARY_POOL_SIZE": "20",
        "DATABASE_PRIMARY_MAX_OVERFLOW": "30",
        "DATABASE_REPLICA_POOL_SIZE": "15",
        "DATABASE_REPLICA_MAX_OVERFLOW": "25",
        "DATABASE_POOL_TIMEOUT_SECONDS": "30",
        "DATABASE_POOL_RECYCLE_SECONDS": "3600",
        "AWS_REGION": "ap-northeast-1",
    }
    assert migration_environment(stack) == {
        "DATABASE_MIGRATION_URL": f"postgresql://langpont_migrator@{stack['primaryEndpoint']}:5432/langpont",
        "DATABASE_MIGRATION_SECRET_ARN": stack["secretArns"]["langpont_migrator"],
        "DATABASE_MIGRATION_ROLE": "langpont_owner",
        "AWS_REGION": "ap-northeast-1",
    }


@pytest.mark.parametrize("stack", STACKS)
def test_what_a_stack_puts_out_is_what_the_library_reads(stack: str) -> None:
    replicas = of(stack)["replicas"]
    settings = read(environment(of(stack)))
    found = {f"langpont_replica_{r['number']}" for r in replicas}
    assert {e.address.database for many in settings.replicas.values() for e in many} == found
    assert read_migration(migration_environment(of(stack))).address.ca_file is not None
    for given in (of(stack), json.dumps(of(stack))):
        assert repr(Database.from_stack_outputs(given)).startswith("Database(127.0.0.1:6432/langpont, replicas: ")


def test_whole_floats_are_the_integers_that_a_stack_reference_makes_them_of() -> None:
    given = of("prod")
    floats = json.loads(json.dumps(given), parse_int=float)
    assert type(floats["port"]) is float
    assert environment(floats) == environment(given)
    assert migration_environment(floats) == migration_environment(given)
    assert repr(Database.from_stack_outputs(floats)) == repr(Database.from_stack_outputs(given))


def test_everything_that_is_missing_or_of_another_type_is_named_at_once() -> None:
    broken = of("prod")
    del broken["poolerEntry"], broken["secretArns"]["langpont_app"]
    broken |= {"poolerPort": "6432", "region": None, "pools": [1]}
    broken["replicas"][0]["purpose"] = "Zz9"
    del broken["replicas"][1]["poolerEntry"]
    with pytest.raises(SettingsRefused) as refused:
        environment(broken)
    assert str(refused.value) == (
        "Stack outputs: 12 problems\n"
        '  1. poolerPort is "6432", not an integer.\n'
        "  2. poolerEntry, a string, is missing.\n"
        '  3. replicas[0].purpose is "Zz9", not one of reads, analytics.\n'
        "  4. replicas[1].poolerEntry, a string, is missing.\n"
        "  5. secretArns.langpont_app, a string, is missing.\n"
        "  6. pools.primary.size, an integer, is missing.\n"
        "  7. pools.primary.maxOverflow, an integer, is missing.\n"
        "  8. pools.replica.size, an integer, is missing.\n"
        "  9. pools.replica.maxOverflow, an integer, is missing.\n"
        "  10. pools.timeoutSeconds, an integer, is missing.\n"
        "  11. pools.recycleSeconds, an integer, is missing.\n"
        "  12. region is null, not a string."
    )


@pytest.mark.parametrize(
    ("replicas", "said"), [({}, "an object"), (None, "null"), (3, "3"), (True, "true"), ("x", '"x"')]
)
def test_replicas_of_another_type_are_named(replicas: object, said: str) -> None:
    with pytest.raises(SettingsRefused) as refused:
        environment(of("dev") | {"replicas": replicas, "poolerPort": True})
    assert refused.value.problems == ("poolerPort is true, not an integer.", f"replicas is {said}, not an array.")


def test_a_migration_without_its_outputs() -> None:
    with pytest.raises(SettingsRefused) as refused:
        migration_environment({"secretArns": None, "port": 5432.5})
    assert refused.value.problems == (
        "primaryEndpoint, a string, is missing.",
        "port is 5432.5, not an integer.",
        "databaseName, a string, is missing.",
        "secretArns.langpont_migrator, a string, is missing.",
        "region, a string, is missing.",
    )


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "null"])
def test_a_text_that_is_no_json_object(text: str) -> None:
    with pytest.raises(SettingsRefused) as refused:
        Database.from_stack_outputs(text)
    assert refused.value.problems == ("this is no JSON object. Give what pulumi stack output --json prints.",)
    assert outputs.loads("{}") == {}
