"""Checks of the published files, and a change in words. The files are as the blueprint renders them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from blueprint.postgres import scram
from blueprint.postgres.pgbouncer import Entry, PoolerSettings, ca_file, render_ini, render_user_list
from langpont_db.addresses import bundle
from langpont_db.pgbouncer.errors import HostError
from langpont_db.pgbouncer.host import Host
from langpont_db.pgbouncer.published import Published, changes, parse

SETTINGS = PoolerSettings(
    region="ap-northeast-1", listen_port=6432, max_client_conn=300, default_pool_size=25, min_pool_size=5,
    reserve_pool_size=5, server_cap=30,
)  # fmt: skip
VERIFIERS = {role: scram.verifier(f"of {role}", b"0123456789abcdef") for role in ("langpont_app", "langpont_readonly")}
HOST = Host()
Edit = Callable[[str, str], tuple[str, str]]


def entry(name: str, host: str) -> Entry:
    return Entry(name=name, host=host, port=5432, database="langpont")


PRIMARY = entry("langpont", "langpont-prod-db.example")
REPLICA = entry("langpont_replica_1", "langpont-prod-replica-1.example")
INI = render_ini(SETTINGS, [PRIMARY, REPLICA])
USERS = render_user_list(VERIFIERS)


def published(ini: str = INI, users: str = USERS, certificates: bytes = b"") -> Published:
    return parse({"pgbouncer.ini": ini, "userlist.txt": users}, certificates, HOST)


def test_what_the_blueprint_renders_is_taken() -> None:
    read = published()
    assert read.entries == {
        "langpont": "host=langpont-prod-db.example port=5432 dbname=langpont",
        "langpont_replica_1": "host=langpont-prod-replica-1.example port=5432 dbname=langpont",
    }
    assert (read.port, read.users) == (6432, VERIFIERS)
    assert read.open_files == 300 + (25 + 5) * 2 * 2 + 100


def test_the_certificates_are_installed_where_the_configuration_looks_for_them() -> None:
    assert str(HOST.certificates_file) == ca_file("ap-northeast-1")
    assert HOST.authority.read_bytes() == (Path(__file__).parents[3] / "certs" / bundle().name).read_bytes()


REFUSED: dict[str, tuple[Edit, list[str]]] = {
    "nobody in the list": (lambda ini, users: (ini, ""), ["userlist.txt names nobody."]),
    "a line without quotes": (
        lambda ini, users: (ini, users.replace('"langpont_app"', "langpont_app")),
        ['userlist.txt line 1 is not "role" "verifier".'],
    ),
    "an md5 password": (
        lambda ini, users: (ini, '"langpont_app" "md5d41d8cd98f00b204e9800998ecf8427e"\n'),
        ["userlist.txt line 1 (langpont_app) is no SCRAM-SHA-256 verifier; a password is never installed."],
    ),
    "a role twice": (
        lambda ini, users: (ini, users + users),
        [
            "userlist.txt line 3 names langpont_app a second time.",
            "userlist.txt line 4 names langpont_readonly a second time.",
        ],
    ),
    "a line that is none": (
        lambda ini, users: (ini.replace("[pgbouncer]", "pgbouncer]"), users),
        [
            "pgbouncer.ini line 5 is neither [section] nor name = value nor a comment.",
            "pgbouncer.ini: auth_file is unset, and this command installs /etc/pgbouncer/userlist.txt.",
            "pgbouncer.ini: server_tls_ca_file is unset, and this command installs "
            "/etc/pgbouncer/ap-northeast-1-bundle.pem.",
            "pgbouncer.ini: unix_socket_dir is unset, and PgBouncer's console is reached through it.",
            "pgbouncer.ini: listen_port is unset, and must be a number.",
        ],
    ),
    "another file included": (
        lambda ini, users: (f"{ini}%include /etc/passwd\n", users),
        ["pgbouncer.ini line 40 is neither [section] nor name = value nor a comment."],
    ),
    "no entry": (
        lambda ini, users: (ini[ini.index("[pgbouncer]") :], users),
        ["pgbouncer.ini has no entry under [databases]."],
    ),
    "a section twice": (
        lambda ini, users: (f"{ini}[pgbouncer]\ndefault_pool_size = 26\n", users),
        [
            "pgbouncer.ini line 40 begins [pgbouncer] a second time.",
            "pgbouncer.ini line 41 says default_pool_size a second time.",
        ],
    ),
    "a forced user with its password": (
        lambda ini, users: (ini.replace("dbname=langpont\n", "dbname=langpont user=a password=b\n", 1), users),
        [
            "pgbouncer.ini: langpont has user=, which keeps a verifier from being passed through. Leave it out.",
            "pgbouncer.ini: langpont has password=, which keeps a verifier from being passed through. Leave it out.",
        ],
    ),
    "a user list elsewhere": (
        lambda ini, users: (ini.replace("/etc/pgbouncer/userlist.txt", "/tmp/userlist.txt"), users),
        ["pgbouncer.ini: auth_file is /tmp/userlist.txt, and this command installs /etc/pgbouncer/userlist.txt."],
    ),
    "certificates of another region": (
        lambda ini, users: (ini.replace("ap-northeast-1-bundle", "eu-central-1-bundle"), users),
        [
            "pgbouncer.ini: server_tls_ca_file is /etc/pgbouncer/eu-central-1-bundle.pem, and this command installs "
            "/etc/pgbouncer/ap-northeast-1-bundle.pem."
        ],
    ),
    "a number that is none": (
        lambda ini, users: (ini.replace("max_client_conn = 300", "max_client_conn = many"), users),
        ["pgbouncer.ini: max_client_conn is many, and must be a number."],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_must_not_be_installed_is_refused_with_all_its_problems(name: str) -> None:
    edit, problems = REFUSED[name]
    ini, users = edit(INI, USERS)
    with pytest.raises(HostError) as refusal:
        published(ini, users)
    end = "Nothing was changed on this host. Publish it anew: pulumi up."
    if len(problems) == 1:
        assert str(refusal.value) == f"The pooler's secret: {problems[0]} {end}"
    else:
        lines = [f"  {number}. {problem}" for number, problem in enumerate(problems, 1)]
        assert str(refusal.value) == "\n".join([f"The pooler's secret: {len(problems)} problems. {end}", *lines])


def test_a_missing_file_is_named() -> None:
    with pytest.raises(HostError) as refusal:
        parse({"pgbouncer.ini": INI, "userlist.txt": None}, b"", HOST)
    assert str(refusal.value) == (
        'The pooler\'s secret: it has no "userlist.txt". Nothing was changed on this host. Publish it anew: pulumi up.'
    )


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (published(), []),
        (published(f"; a remark\n{INI}"), []),
        (published(render_ini(SETTINGS, [PRIMARY])), ["langpont_replica_1 removed"]),
        (
            published(render_ini(SETTINGS, [entry("langpont", "langpont-prod-db-g2.example"), REPLICA])),
            ["langpont leads elsewhere"],
        ),
        (
            published(render_ini(replace(SETTINGS, server_cap=40), [PRIMARY, REPLICA])),
            ["max_db_connections 30 -> 40"],
        ),
        (published(INI + "verbose = 1\n"), ["verbose unset -> 1"]),
        (
            published(users=render_user_list({**VERIFIERS, "langpont_readonly": VERIFIERS["langpont_app"]})),
            ["langpont_readonly's password changed"],
        ),
        (published(users=render_user_list({"langpont_app": VERIFIERS["langpont_app"]})), ["langpont_readonly removed"]),
        (published(certificates=b"new"), ["root certificates changed"]),
    ],
)
def test_a_change_is_told_in_words(after: Published, said: list[str]) -> None:
    assert changes(published(), after) == said


def test_a_first_version_is_told_by_its_entries() -> None:
    assert changes(None, published()) == ["entries langpont, langpont_replica_1"]


def test_no_representation_shows_a_verifier() -> None:
    assert "SCRAM" not in repr(published())
