"""A snapshot of somebody else's database as the first generation: whoever logged in before goes on, and is no drift."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.servers import backups
from local.servers.account import Account
from local.servers.binaries import Binaries
from local.servers.layout import Layout, private_folder
from local.servers.plan import data_plan
from tests.local.servers import roles
from tests.local.servers.conftest import make
from tests.local.servers.test_cut_over import LOGICAL, PASSWORDS, ROWS, THEIRS, set_passwords
from tests.recordings import record_with

THERE = {"name": "shop", "masterUsername": "shopmaster"}


@pytest.mark.long
def test_whoever_logged_in_to_the_old_database_goes_on_in_the_restored_one(
    binaries: Binaries, account: Account, runtime: Path
) -> None:
    old = make(
        data_plan(record_with("dev", {"database": THERE | LOGICAL})), Layout(runtime / "adopted-old"), binaries, account
    )
    old.cluster.up()
    with old.endpoint("primary").connect("shopmaster", old.plan.passwords["shopmaster"]) as session:
        session.execute(THEIRS.encode())
    set_passwords(old)
    old.cluster.primary.stop()

    layout = Layout(runtime / "adopted-new")
    layout.make(account)
    private_folder(layout.snapshots, account)
    snapshot = backups.keep_as_final_snapshot(old.cluster.primary, old.plan.primary.identifier, layout)
    moved = {"database": THERE | {"restoreFrom": {"snapshot": snapshot}}}
    new = make(data_plan(record_with("dev", moved)), layout, binaries, account)
    new.up()
    application = new.endpoint("primary").connect("shop_app", PASSWORDS["shop_app"])
    with application as session:
        session.execute("INSERT INTO orders (note) VALUES ('after')")
        session.execute("CREATE TEMP TABLE basket (n int)")
        assert session.execute("SELECT count(*) FROM orders").fetchone() == (ROWS + 1,)
    new.endpoint("primary").connect("shop_reports", PASSWORDS["shop_reports"]).close()
    assert roles.make_roles(new) is False
