"""The document's own values, on the real servers: each does the harm that `docs/deviations.md` says it does."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from blueprint.postgres import scram
from local.loopback import free_port
from local.servers import pgbouncer
from local.servers.configuration import Machine, configuration
from local.servers.errors import DataPlaneError
from local.servers.layout import Layout
from local.servers.pgbouncer import Pooler
from local.servers.plan import GroupParameter
from local.servers.plane import DataPlane
from local.verify import servers

MIB = 2**20


def test_e62_a_forced_user_breaks_a_scram_login(prod: DataPlane, runtime: Path) -> None:
    """With `user=` on its entries, PgBouncer has to log in by itself, and a verifier is no key to do so."""
    ini = prod.plan.ini.replace("dbname=langpont", "dbname=langpont user=langpont_app")
    assert ini.count("user=langpont_app") == 3
    layout = Layout(runtime / "forced")
    layout.make(prod.cluster.account)
    ports = replace(prod.ports, pooler=free_port({prod.ports.pooler}))
    pooler = Pooler(
        replace(prod.plan, ini=ini),
        account=prod.cluster.account, layout=layout, ports=ports, authority=prod.cluster.authority,
    )  # fmt: skip
    password = prod.plan.passwords["langpont_app"]
    assert pooler.up() == "started"
    try:
        with pytest.raises(psycopg.OperationalError, match="server login failed"):
            pooler.endpoint("langpont").connect("langpont_app", password).execute("SELECT 1")
        log = (layout.pooler / "pgbouncer.log").read_text()
    finally:
        pgbouncer.stop(layout)
    assert "cannot do SCRAM authentication" in log
    with prod.pooler.endpoint("langpont").connect("langpont_app", password) as session:  # the control
        assert session.execute("SELECT current_user").fetchone() == ("langpont_app",)


@pytest.mark.parametrize(("pages", "fits"), [("1048576", False), ("{DBInstanceClassMemory/32768}", True)])
def test_e7_its_shared_buffers_need_more_memory_than_the_class_has(prod: DataPlane, pages: str, fits: bool) -> None:
    """`postgres -C shared_memory_size`: 1048576 pages of 8 kB are 8 GiB, and a db.t3.medium has about 3.6."""
    primary = prod.plan.primary
    row = GroupParameter(name="shared_buffers", value=pages, apply_method="pending-reboot")
    asked = replace(primary, parameters=(*(p for p in primary.parameters if p.name != row.name), row))
    machine = Machine(
        port=1, primary_port=1, sockets=Path("/s"), logs=Path("/l"), certificates=None,
        libraries=prod.binaries.libraries,
    )  # fmt: skip
    needed = prod.cluster.primary.shared_memory_mib(configuration(asked, {}, machine), "primary")
    assert (needed < primary.memory_bytes // MIB) is fits
    assert needed > (8192 if not fits else 911)


def test_e7_a_group_that_does_not_fit_is_refused_and_nothing_changes(prod: DataPlane) -> None:
    row = GroupParameter(name="shared_buffers", value="1048576", apply_method="pending-reboot")
    primary = prod.plan.primary
    asked = replace(primary, parameters=(*(p for p in primary.parameters if p.name != row.name), row))
    plan = replace(prod.plan, instances=(asked, *prod.plan.replicas))
    other = DataPlane(plan, binaries=prod.binaries, account=prod.cluster.account, layout=prod.layout, ports=prod.ports)
    before = prod.processes()
    with pytest.raises(DataPlaneError) as refusal:
        other.up()
    assert re.fullmatch(
        r"primary: the parameter group needs 84\d\d MiB of shared memory, and db\.t3\.medium has 3645 MiB\. Lower "
        r"shared_buffers, or take a larger class\.",
        str(refusal.value),
    )
    assert (prod.processes(), prod.up().changed) == (before, False)


def test_e7_the_check_compares_with_the_class_and_not_with_this_machine(prod: DataPlane) -> None:
    small = replace(prod.plan.primary, memory_bytes=512 * MIB, instance_class="db.t3.micro")
    plan = replace(prod.plan, instances=(small, *prod.plan.replicas))
    other = DataPlane(plan, binaries=prod.binaries, account=prod.cluster.account, layout=prod.layout, ports=prod.ports)
    made = next(iter(servers.memory(other)))
    assert (made.ok, made.detail) == (False, "needs 971 MiB of shared memory, and db.t3.micro has 512 MiB")


def test_e20_a_plain_password_is_in_the_log_and_a_verifier_s_password_is_not(prod: DataPlane) -> None:
    """log_statement=ddl, as the document has it."""
    plan = prod.plan
    plain, ours = "a-Plain.Password-0001", "a-Verified.Password-0002"
    with prod.endpoint("primary").connect(plan.master, plan.passwords[plan.master]) as session:
        assert session.execute("SHOW log_statement").fetchone() == ("ddl",)
        session.execute("CREATE ROLE langpont_leak")
        try:
            for secret in (plain, scram.verifier(ours, b"a salt of 16 by.")):
                session.execute(sql.SQL("ALTER ROLE langpont_leak PASSWORD {}").format(sql.Literal(secret)))
        finally:
            session.execute("DROP ROLE langpont_leak")
    log = "".join(path.read_text() for path in prod.cluster.primary.logs.iterdir())
    assert f"ALTER ROLE langpont_leak PASSWORD '{plain}'" in log
    assert "ALTER ROLE langpont_leak PASSWORD 'SCRAM-SHA-256$4096:" in log
    assert ours not in log
    assert [role for role, password in plan.passwords.items() if password in log] == []
