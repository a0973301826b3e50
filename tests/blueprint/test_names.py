"""Names that RDS and PostgreSQL accept, and one spelling for each."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint.names import (
    LONGEST_ENVIRONMENT,
    RESERVED_WORDS,
    Naming,
    ProductNaming,
    check_database_name,
    check_environment,
    check_master_username,
    check_port,
    check_role_name,
)
from blueprint.problems import Refused

environments = st.from_regex(r"[a-z][a-z0-9]{0,9}(-[a-z0-9]{1,10}){0,2}", fullmatch=True).filter(
    lambda name: len(name) <= LONGEST_ENVIRONMENT
)
counts = st.integers(1, 99)


def test_every_name_has_one_spelling() -> None:  # E16: the document has three
    names = ProductNaming("prod")
    assert names.prefix == "langpont-prod"
    assert names.primary(1) == "langpont-prod-db"
    assert names.primary(2) == "langpont-prod-db-g2"
    assert names.replica(1, 1) == "langpont-prod-replica-1"
    assert names.replica(2, 3) == "langpont-prod-replica-2-g3"
    assert names.final_snapshot(2, "0a1b2c3d") == "langpont-prod-db-g2-final-0a1b2c3d"
    assert names.key_alias("storage") == "alias/langpont-prod-storage"
    assert names.secret("langpont_app") == "langpont-prod/database/langpont_app"
    assert names.log_group(names.primary(1), "postgresql") == "/aws/rds/instance/langpont-prod-db/postgresql"
    assert names.function("roles") == "langpont-prod-roles"
    assert names.function_log_group("roles") == "/aws/lambda/langpont-prod-roles"
    assert names.pooler_secret == "langpont-prod/pooler"
    assert names.flow_log_group == "/aws/vpc/langpont-prod-network"
    assert names.log_group_prefixes == [
        "/aws/rds/instance/langpont-prod-",
        "/aws/vpc/langpont-prod-",
        "/aws/lambda/langpont-prod-",
    ]


def test_langponts_tags_say_whose_something_is() -> None:
    names = ProductNaming("prod")
    whose = {"Environment": "prod", "Project": "LangPont"}
    assert (names.environment, names.owner_tags) == ("prod", whose)
    assert names.tagged("langpont-prod-db") == {"Name": "langpont-prod-db", **whose, "ManagedBy": "Pulumi"}


def test_a_caller_gives_the_prefix_and_the_tags() -> None:
    names = Naming("shop-eu", {"Team": "shop"})
    assert (names.primary(1), names.replica(1, 2)) == ("shop-eu-db", "shop-eu-replica-1-g2")
    assert names.tagged("shop-eu-db") == {"Name": "shop-eu-db", "Team": "shop"}


@pytest.mark.parametrize("prefix", ["", "Shop", "shop-", "1shop", "shop--eu", "shop_eu"])
def test_a_prefix_that_breaks_an_identifier_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError) as refused:
        Naming(prefix, {})
    assert str(refused.value) == (
        f"Naming.prefix {prefix!r} cannot begin an RDS identifier, which goes from a letter to a letter or digit. "
        "Write lower-case letters, digits and single hyphens, like shop-prod."
    )


def test_a_prefix_that_leaves_no_room_is_refused() -> None:
    Naming("a" * 28, {})
    with pytest.raises(ValueError) as refused:
        Naming("a" * 29, {})
    assert str(refused.value) == (
        f"Naming.prefix {'a' * 29!r} has 29 characters, and a backup vault's name leaves 28. Shorten it."
    )


def test_a_tag_that_each_resource_has_for_itself_is_refused() -> None:
    with pytest.raises(ValueError) as refused:
        Naming("shop", {"Name": "shop"})
    assert str(refused.value) == "Naming.tags has a Name, which each resource gets for itself. Leave it out."


@settings(max_examples=25)
@given(environments, counts, counts)
def test_every_identifier_of_a_legal_environment_is_legal_for_rds(environment: str, number: int, gen: int) -> None:
    check_environment(environment)
    names = ProductNaming(environment)
    for identifier in (names.primary(gen), names.replica(number, gen), names.final_snapshot(gen, "0a1b2c3d")):
        assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", identifier)
        assert len(identifier) <= 63


@settings(max_examples=25)
@given(st.lists(st.tuples(environments, counts, counts), min_size=2, max_size=4, unique=True))
def test_two_environments_never_share_an_identifier(keys: list[tuple[str, int, int]]) -> None:
    replicas = [ProductNaming(environment).replica(number, generation) for environment, number, generation in keys]
    primaries = {ProductNaming(environment).primary(generation) for environment, _, generation in keys}
    assert len({*replicas, *primaries}) == len(keys) + len({(key[0], key[2]) for key in keys})


@pytest.mark.parametrize("name", ["dev", "staging", "prod", "eu-west-2", "x", "a" * 19])
def test_a_stack_name_that_fits_an_identifier_is_accepted(name: str) -> None:
    check_environment(name)


@pytest.mark.parametrize("name", ["", "Prod", "1prod", "prod-", "-prod", "pr--od", "pr_od", "prod\n", "本番"])
def test_a_stack_name_that_breaks_an_identifier_is_refused(name: str) -> None:
    with pytest.raises(Refused) as refused:
        check_environment(name)
    assert str(refused.value) == (
        "cannot be part of an RDS identifier, which is lower-case letters, digits and single hyphens, "
        "from a letter to a letter or digit. Name the stack like prod or eu-staging."
    )


def test_a_stack_name_that_is_too_long_is_refused_with_the_room_there_is() -> None:
    assert len("langpont-" + "a" * 19 + "-backups-vault-1234567") == 50
    with pytest.raises(Refused) as refused:
        check_environment("a" * 20)
    assert str(refused.value) == (
        "has 20 characters, and the 50 of a backup vault's name leave 19. Name the stack with at most 19 characters."
    )


def test_the_longest_stack_name_leaves_room_in_every_rds_identifier() -> None:
    names = ProductNaming("a" * 19)
    assert max(len(names.replica(99, 99)), len(names.final_snapshot(99, "0a1b2c3d"))) <= 63


@pytest.mark.parametrize("name", ["langpont", "LangPont_2", "a" * 63, "user_data"])
def test_a_database_name_that_rds_takes_is_accepted(name: str) -> None:
    check_database_name(name)


NOT_A_WORD = "is not a letter followed by letters, digits and underscores, as RDS asks for. "


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", NOT_A_WORD + "Choose another name, like langpont."),
        ("lang-pont", NOT_A_WORD + "Choose another name, like langpont."),
        ("1langpont", NOT_A_WORD + "Choose another name, like langpont."),
        ("langpont\n", NOT_A_WORD + "Choose another name, like langpont."),
        ("é", NOT_A_WORD + "Choose another name, like langpont."),
        ("a" * 64, "has 64 characters, and RDS takes at most 63. Shorten it."),
        (
            "PgBouncer",
            "is PgBouncer's own console: with an entry of that name it does not start. "
            "Choose another name, like langpont.",
        ),
        ("postgres", "is a database that PostgreSQL or RDS has already. Choose another name, like langpont."),
        ("Template1", "is a database that PostgreSQL or RDS has already. Choose another name, like langpont."),
        ("rdsadmin", "is a database that PostgreSQL or RDS has already. Choose another name, like langpont."),
        ("user", "is a reserved word of PostgreSQL 16. Choose another name, like langpont."),
        ("BINARY", "is a reserved word of PostgreSQL 16. Choose another name, like langpont."),
    ],
)
def test_a_database_name_that_cannot_be_is_refused_with_its_reason(name: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        check_database_name(name)
    assert str(refused.value) == reason


def test_the_reserved_words_are_those_of_postgresql_16() -> None:
    assert len(RESERVED_WORDS) == 78 + 23
    assert {"system_user", "lateral", "tablesample"} <= RESERVED_WORDS  # system_user is new in 16
    assert not {"value", "data", "role"} & RESERVED_WORDS  # known to the parser, not reserved


@pytest.mark.parametrize("name", ["langpont_admin", "owner1", "a" * 16])
def test_a_master_username_that_rds_takes_is_accepted(name: str) -> None:
    check_master_username(name)


ANOTHER = "Choose another name, like langpont_admin."


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("_admin", NOT_A_WORD + ANOTHER),
        ("a" * 17, "has 17 characters, and RDS takes at most 16. Shorten it."),
        ("postgres", f"is the default name, which every attacker tries first (Security Hub RDS.25). {ANOTHER}"),
        ("admin", f"is a name that RDS or PostgreSQL keeps for itself. {ANOTHER}"),
        ("RdsAdmin", f"is a name that RDS or PostgreSQL keeps for itself. {ANOTHER}"),
        ("public", f"is a name that RDS or PostgreSQL keeps for itself. {ANOTHER}"),
        ("pg_admin", f"begins with pg_, which PostgreSQL keeps for itself. {ANOTHER}"),
        ("rds_superuser", f"begins with rds_, as the roles do that RDS makes itself. {ANOTHER}"),
        ("user", f"is a reserved word of PostgreSQL 16. {ANOTHER}"),
    ],
)
def test_a_master_username_that_cannot_be_is_refused_with_its_reason(name: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        check_master_username(name)
    assert str(refused.value) == reason


@pytest.mark.parametrize("name", ["postgres", "admin", "Postgres", "rds_owner", "user", "a" * 63])
def test_a_name_that_an_older_database_may_have_as_its_master_is_accepted_as_a_role(name: str) -> None:
    check_role_name(name)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("_admin", NOT_A_WORD + ANOTHER),
        ("a" * 64, "has 64 characters, and RDS takes at most 63. Shorten it."),
        ("RdsAdmin", f"is a name that RDS or PostgreSQL keeps for itself. {ANOTHER}"),
        ("none", f"is a name that RDS or PostgreSQL keeps for itself. {ANOTHER}"),
        ("pg_admin", f"begins with pg_, which PostgreSQL keeps for itself. {ANOTHER}"),
    ],
)
def test_a_name_that_no_master_can_have_is_refused_with_its_reason(name: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        check_role_name(name)
    assert str(refused.value) == reason


@pytest.mark.parametrize("port", [1150, 5432, 65535])
def test_a_port_that_rds_offers_is_accepted(port: int) -> None:
    check_port(port)


@pytest.mark.parametrize("port", [-1, 0, 80, 1149, 65536])
def test_a_port_outside_the_range_of_rds_is_refused(port: int) -> None:
    with pytest.raises(Refused) as refused:
        check_port(port)
    assert str(refused.value) == "is not 1150 to 65535, the ports that RDS offers. Choose one of them, like 5432."
