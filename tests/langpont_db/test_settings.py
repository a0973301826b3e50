"""Settings from environment variables."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from langpont_db import Database, SettingsRefused, settings
from langpont_db.addresses import bundle
from langpont_db.passwords import FixedPassword, SecretPassword
from langpont_db.settings import Limit, Pool, Timeouts

ARN = "arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:langpont-prod/database/langpont_app-7d7e2f"
ENVIRONMENT = {
    "DATABASE_PRIMARY_URL": "postgresql://langpont_app@127.0.0.1:6432/langpont?sslmode=disable",
    "DATABASE_REPLICA_URLS": "postgresql://langpont_readonly@127.0.0.1:6432/langpont_replica_1?sslmode=disable, "
    "postgresql://langpont_readonly@127.0.0.1:6432/langpont_replica_3?sslmode=disable",
    "DATABASE_ANALYTICS_REPLICA_URLS": "postgresql://langpont_readonly@127.0.0.1:6432/langpont_replica_2?sslmode=disable",
    "DATABASE_PRIMARY_SECRET_ARN": ARN,
    "DATABASE_REPLICA_SECRET_ARN": ARN.replace("app", "readonly"),
}


def test_defaults_are_the_design_documents_and_the_platforms() -> None:
    read = settings.read(ENVIRONMENT)
    assert (read.primary_pool, read.replica_pool) == (Pool(size=20, max_overflow=30), Pool(size=15, max_overflow=25))
    assert (read.pool_timeout_seconds, read.pool_recycle_seconds) == (30, 3600)
    assert read.timeouts == Timeouts(
        connect=5, keepalive_idle=10, keepalive_interval=5, keepalive_count=3, user_timeout=15,
        answer=2, check=1, statement=35, read=65, report=3600, position=0.2, secret=5,
    )  # fmt: skip
    assert read.limits == {
        "reads": Limit(lag_bytes=31457280, lag_seconds=30), "analytics": Limit(lag_bytes=3806330880, lag_seconds=3630),
    }  # fmt: skip


def test_engines_have_the_environments_numbers() -> None:
    numbers = {
        "DATABASE_PRIMARY_POOL_SIZE": "2",
        "DATABASE_PRIMARY_MAX_OVERFLOW": "0",
        "DATABASE_REPLICA_POOL_SIZE": "3",
        "DATABASE_REPLICA_MAX_OVERFLOW": "4",
        "DATABASE_POOL_TIMEOUT_SECONDS": "5",
        "DATABASE_POOL_RECYCLE_SECONDS": "6",
    }
    for environment, expected in (
        (ENVIRONMENT, [(20, 30, 30, 3600), *[(15, 25, 30, 3600)] * 3]),
        (ENVIRONMENT | numbers, [(2, 0, 5, 6), *[(3, 4, 5, 6)] * 3]),
    ):
        database = Database.from_env(environment)
        engines = (database.write_engine, *database.read_engines(), *database.read_engines("analytics"))
        assert [
            (e.pool.size(), e.pool._max_overflow, e.pool._timeout, e.pool._recycle)  # type: ignore[attr-defined]
            for e in engines
        ] == expected


def test_each_url_has_its_place_and_replicas_share_a_secret() -> None:
    read = settings.read(ENVIRONMENT)
    assert str(read.primary.address) == "127.0.0.1:6432/langpont"
    assert {purpose: [str(e.address) for e in found] for purpose, found in read.replicas.items()} == {
        "reads": ["127.0.0.1:6432/langpont_replica_1", "127.0.0.1:6432/langpont_replica_3"],
        "analytics": ["127.0.0.1:6432/langpont_replica_2"],
    }
    passwords = {id(e.password) for found in read.replicas.values() for e in found}
    assert len(passwords) == 1
    assert repr(read.primary.password) == f"SecretPassword({ARN!r})"


def test_a_password_of_the_url_comes_before_the_secret_and_is_not_shown() -> None:
    environment = ENVIRONMENT | {"DATABASE_PRIMARY_URL": "postgresql://langpont_app:Zz9@127.0.0.1/langpont"}
    read = settings.read(environment)
    assert isinstance(read.primary.password, FixedPassword)
    assert read.primary.password.read().reveal() == "Zz9"
    assert "Zz9" not in f"{read!r} {Database.from_env(environment)!r} {Database.from_env(environment).write_engine!r}"


def test_certificates_are_the_packaged_ones_or_those_of_a_file(tmp_path: Path) -> None:
    url = {"DATABASE_PRIMARY_URL": "postgresql://u:p@db.example.com/d"}
    assert settings.read(url).primary.address.ca_file == str(bundle())
    own = tmp_path / "own.pem"
    own.touch()
    assert settings.read(url | {"DATABASE_CA_FILE": str(own)}).primary.address.ca_file == str(own)


def test_a_secret_of_another_region_is_read_there() -> None:
    assert SecretPassword(ARN, "us-east-1", 5)._region == "ap-northeast-1"
    assert SecretPassword("langpont-prod/database/langpont_app", "us-east-1", 5)._region == "us-east-1"


def test_all_problems_are_in_one_report() -> None:
    with pytest.raises(SettingsRefused) as refused:
        Database.from_env(
            {
                "DATABASE_PRIMARY_URL": "postgresql://langpont_app@127.0.0.1:6432/langpont?sslmode=disable",
                "DATABASE_REPLICA_URLS": "postgresql://langpont_readonly@h/d,nonsense",
                "DATABASE_ANALYTICS_REPLICA_URLS": "postgresql://u:p@h/d?sslmode=require",
                "DATABASE_PRIMARY_POOL_SIZE": "0",
                "DATABASE_REPLICA_MAX_OVERFLOW": "many",
                "DATABASE_CA_FILE": "/no/such.pem",
            }
        )
    assert str(refused.value) == (
        "Environment: 7 problems\n"
        "  1. DATABASE_CA_FILE /no/such.pem: there is no such file. Leave it out for the packaged one.\n"
        "  2. DATABASE_PRIMARY_URL holds no password and DATABASE_PRIMARY_SECRET_ARN is not set. Set one of them.\n"
        "  3. DATABASE_REPLICA_URLS (URL 1 of 2) holds no password and DATABASE_REPLICA_SECRET_ARN is not set. Set one "
        "of them.\n"
        "  4. DATABASE_REPLICA_URLS (URL 2 of 2) is no URL of the form postgresql://user:password@host:port/database. "
        "In the password percent-encode all but letters, digits and - . _ ~ (@ is %40, / is %2F, % is %25).\n"
        "  5. DATABASE_ANALYTICS_REPLICA_URLS says sslmode=require. require encrypts and verifies nothing: whoever "
        "answers gets the password. Leave it out: verify-full is the default, with the packaged RDS certificates or "
        "those of DATABASE_CA_FILE.\n"
        "  6. DATABASE_PRIMARY_POOL_SIZE '0' is no whole number from 1. The default is 20.\n"
        "  7. DATABASE_REPLICA_MAX_OVERFLOW 'many' is no whole number from 0. The default is 25."
    )


def test_an_empty_environment_says_where_to_get_one() -> None:
    with pytest.raises(SettingsRefused) as refused:
        settings.read({"DATABASE_PRIMARY_URL": " "})
    assert refused.value.problems == ("DATABASE_PRIMARY_URL is not set. python -m ops outputs env prints it.",)


# Old names


@pytest.mark.parametrize("old", ["DATABASE_MASTER_URL", "RDS_MASTER_URL", "RDS_DATABASE_URL"])
def test_an_old_name_of_the_primary_works_and_warns_where_it_was_read(old: str) -> None:
    with pytest.warns(DeprecationWarning) as told:
        database = Database.from_env({old: "postgresql://u:p@h/d"})
    assert [str(one.message) for one in told] == [f"{old} is an old name. Rename it to DATABASE_PRIMARY_URL."]
    assert told[0].filename == __file__
    assert repr(database) == "Database(h:5432/d, replicas: none)"


@pytest.mark.parametrize("old", ["DATABASE_SLAVE_URL", "RDS_REPLICA_URL"])
def test_an_old_name_of_the_replicas_works(old: str) -> None:
    with pytest.warns(DeprecationWarning, match=rf"^{old} is an old name\. Rename it to DATABASE_REPLICA_URLS\.$"):
        database = Database.from_env(
            {"DATABASE_PRIMARY_URL": "postgresql://u:p@h/d", old: "postgres://u:p@r1/d,postgres://u:p@r2/d"}
        )
    assert repr(database) == "Database(h:5432/d, replicas: 2 for reads)"


def test_the_new_name_wins_and_then_the_first_of_the_old_ones() -> None:
    old = {"RDS_DATABASE_URL": "postgresql://u:p@third/d", "RDS_MASTER_URL": "postgresql://u:p@second/d"}
    with pytest.warns(DeprecationWarning) as told:
        assert settings.read(old).primary.address.host == "second"
    assert [str(one.message) for one in told] == [
        "RDS_MASTER_URL is an old name. Rename it to DATABASE_PRIMARY_URL.",
        "RDS_DATABASE_URL is an old name and not read: RDS_MASTER_URL is set. Remove it.",
    ]
    with pytest.warns(DeprecationWarning) as told:
        read = settings.read(old | {"DATABASE_PRIMARY_URL": "postgresql://u:p@first/d"})
    assert read.primary.address.host == "first"
    assert [str(one.message) for one in told] == [
        "RDS_MASTER_URL is an old name and not read: DATABASE_PRIMARY_URL is set. Remove it.",
        "RDS_DATABASE_URL is an old name and not read: DATABASE_PRIMARY_URL is set. Remove it.",
    ]


def test_a_problem_names_the_variable_that_was_set() -> None:
    with pytest.raises(SettingsRefused) as refused, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        settings.read({"RDS_MASTER_URL": "postgresql://u@h/d"})
    assert refused.value.problems == (
        "RDS_MASTER_URL holds no password and DATABASE_PRIMARY_SECRET_ARN is not set. Set one of them.",
    )
