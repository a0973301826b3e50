"""Checks of the servers themselves: parameters, memory, TLS, replication."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

import psycopg

from blueprint.postgres.catalogue import catalogue
from blueprint.postgres.parameter import Kind
from local.servers.configuration import LIBRARIES, is_placeholder, own_settings, standby_floor
from local.servers.connections import Endpoint
from local.servers.plan import PRIMARY, InstancePlan
from local.servers.plane import DataPlane
from local.verify.check import Check, Wrong, proven, require

CATCH_UP_SECONDS = 1.0
LEAST_WAL_SENDERS = 3  # the design document's


def running(plane: DataPlane) -> Iterator[Check]:
    """Every server process runs."""
    for role, process in plane.processes().items():
        yield Check(f"{role} runs", process is not None, f"process {process.pid}" if process else "no process")


# Parameters


def parameters(plane: DataPlane) -> Iterator[Check]:
    """Every parameter of every group, by pg_settings and unit."""
    for instance in plane.plan.instances:
        name = f"{instance.role}: {len(instance.parameters)} parameters as registered"
        yield proven(name, partial(_parameters, plane, instance))


def _parameters(plane: DataPlane, instance: InstancePlan) -> str:
    with plane.cluster.servers[instance.role].admin(plane.plan.database) as session:
        rows = session.execute("SELECT name, setting, unit, pending_restart FROM pg_settings").fetchall()
        known = {name: (setting, unit) for name, setting, unit, _ in rows}
        waiting = [name for name, _, _, pending in rows if pending]
        asked, floor = own_settings(instance), _floor(plane, instance)
        wrong, remembered, raised, absent = [], [], [], []
        for name in (parameter.name for parameter in instance.parameters):
            value = asked[name]
            if name not in known:
                row = session.execute("SELECT current_setting(%s, true)", [name]).fetchone()
                has = row[0] if row else None
                if not is_placeholder(name, plane.binaries.libraries) or has != value:
                    wrong.append(f"{name} is {has}, asked {value}")
                remembered.append(name)
                continue
            setting, unit = known[name]
            if name == LIBRARIES:
                listed = [one.strip() for one in value.split(",")]
                absent += [one for one in listed if one not in plane.binaries.libraries]
                value = ",".join(one for one in listed if one not in absent)
            elif name == "effective_io_concurrency" and not plane.cluster.prefetch:
                absent.append(name)
                value = "0"
            elif name in floor and int(value) < floor[name]:
                raised.append(f"{name} {value} -> {floor[name]}")
                value = str(floor[name])
            parameter = catalogue(instance.major).get(name)
            row_unit = parameter.unit if parameter else unit
            if row_unit != unit or not _same(parameter.kind if parameter else Kind.TEXT, value, setting):
                wrong.append(f"{name} is {setting} {unit or ''}, asked {value} {row_unit or ''}".replace(" ,", ","))
    wrong += [f"{name} waits for a restart" for name in waiting]
    require(not wrong, "; ".join(wrong[:5]))
    notes = [
        f"placeholders: {', '.join(remembered)}" if remembered else "",
        f"taken from the primary: {', '.join(raised)}" if raised else "",
        f"not on this machine: {', '.join(absent)}" if absent else "",
    ]
    return "; ".join(filter(None, ["by pg_settings", *notes]))


def _floor(plane: DataPlane, instance: InstancePlan) -> dict[str, int]:
    return {} if instance.role == PRIMARY else standby_floor(own_settings(plane.plan.primary))


def _same(kind: Kind, asked: str, setting: str) -> bool:
    if kind is Kind.BOOLEAN:
        return setting == {"1": "on", "0": "off"}.get(asked, asked)
    if kind is Kind.REAL:
        return float(setting) == float(asked)
    return setting.lower() == asked.lower() if kind is Kind.ENUM else setting == asked


def memory(plane: DataPlane) -> Iterator[Check]:
    """PostgreSQL's own account of its shared memory, against the instance class and not this machine."""
    for instance in plane.plan.instances:

        def look(instance: InstancePlan = instance) -> str:
            with plane.cluster.servers[instance.role].admin() as session:
                row = session.execute(
                    "SELECT setting::bigint FROM pg_settings WHERE name = 'shared_memory_size'"
                ).fetchone()
            assert row is not None
            has = instance.memory_bytes // 2**20
            require(row[0] < has, f"needs {row[0]} MiB of shared memory, and {instance.instance_class} has {has} MiB")
            return f"{row[0]} of {has} MiB ({instance.instance_class})"

        yield proven(f"{instance.role}: shared memory fits the class", look)


def shown(plane: DataPlane) -> Check:
    """What the design document asks a primary to SHOW; archive_mode is RDS's own business, and off here."""
    return proven("primary: SHOW wal_level and max_wal_senders", partial(_shown, plane))


def _shown(plane: DataPlane) -> str:
    with plane.cluster.primary.admin() as session:
        rows = session.execute(
            "SELECT name, setting FROM pg_settings WHERE name IN ('wal_level', 'max_wal_senders') ORDER BY name"
        ).fetchall()
    has: dict[str, str] = dict(rows)
    needed = max(LEAST_WAL_SENDERS, len(plane.plan.replicas) + 1)  # one more while a replica is built anew
    require(has["wal_level"] in ("replica", "logical"), f"wal_level is {has['wal_level']}, not replica or logical")
    require(int(has["max_wal_senders"]) >= needed, f"max_wal_senders is {has['max_wal_senders']}, not {needed} or more")
    return ", ".join(f"{name} {value}" for name, value in rows)


# TLS


def transport(plane: DataPlane) -> Iterator[Check]:
    """verify-full works, by name and by address; a plain connection is refused where the group forces TLS."""
    if plane.cluster.authority is None:
        yield Check("TLS", True, "substituted: this PostgreSQL has no OpenSSL")
        return
    for instance in plane.plan.instances:
        yield proven(f"{instance.role}: TLS", partial(_transport, plane, instance))


def _transport(plane: DataPlane, instance: InstancePlan) -> str:
    plan, endpoint, version = plane.plan, plane.endpoint(instance.role), ""
    password = plan.passwords[plan.master]
    for host in ("localhost", "127.0.0.1"):
        at = Endpoint(host=host, port=endpoint.port, database=endpoint.database, authority=endpoint.authority)
        with at.connect(plan.master, password) as session:
            row = session.execute("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl").fetchone()
            require(row, f"a session to {host} is not encrypted")
            version = row[0] if row else ""
    forced = own_settings(instance)["rds.force_ssl"] == "1"
    plain = _plain(endpoint, plan.master, password)
    require(plain != forced, f"a plain connection is {'taken' if plain else 'refused'}, and rds.force_ssl is {forced}")
    return f"verify-full with {version}; a plain connection is {'refused' if forced else 'taken'}"


def _plain(endpoint: Endpoint, user: str, password: str) -> bool:
    try:
        endpoint.connect(user, password, sslmode="disable", sslrootcert="").close()
    except psycopg.OperationalError as error:
        if "no encryption" not in str(error):
            raise
        return False
    return True


# Replication


def replication(plane: DataPlane) -> Iterator[Check]:
    """Each replica streams, takes no write, and has a write of the primary within a second."""
    for instance in plane.plan.replicas:
        yield proven(f"{instance.role} streams", partial(_streams, plane, instance))
        yield proven(f"{instance.role} is read-only", partial(_read_only, plane, instance))
        yield proven(f"{instance.role} has a write within a second", partial(_catches_up, plane, instance))


def _streams(plane: DataPlane, instance: InstancePlan) -> str:
    with plane.cluster.primary.admin() as session:
        row = session.execute(
            "SELECT r.state, r.sync_state, s.slot_name, s.wal_status FROM pg_stat_replication r "
            "JOIN pg_replication_slots s ON s.active_pid = r.pid WHERE r.application_name = %s",
            [instance.identifier],
        ).fetchone()
    require(row, f"the primary sends nothing to {instance.identifier}")
    assert row is not None
    require(row[0] == "streaming", f"its state is {row[0]}")
    return f"{row[0]}, {row[1]}, slot {row[2]} {row[3]}"


def _read_only(plane: DataPlane, instance: InstancePlan) -> str:
    plan = plane.plan
    with plane.endpoint(instance.role).connect(plan.master, plan.passwords[plan.master]) as session:
        row = session.execute("SELECT pg_is_in_recovery()").fetchone()
        require(row and row[0], "it is no standby")
        try:
            session.execute("CREATE TABLE public.verify (n int)")
        except psycopg.errors.ReadOnlySqlTransaction:
            return "a standby that refuses CREATE TABLE"
    raise Wrong("it took a CREATE TABLE")


def _catches_up(plane: DataPlane, instance: InstancePlan) -> str:
    with plane.cluster.servers[instance.role].admin() as replica, plane.cluster.primary.admin() as primary:
        begun = time.monotonic()
        # A message in the write-ahead log is a write like another, and leaves nothing behind.
        row = primary.execute("SELECT pg_logical_emit_message(true, 'local', 'verify')::text").fetchone()
        assert row is not None
        while time.monotonic() - begun < CATCH_UP_SECONDS:
            answer = replica.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", [row[0]]).fetchone()
            if answer and answer[0]:
                return f"after {(time.monotonic() - begun) * 1000:.0f} ms"
            time.sleep(0.002)
    raise Wrong(f"not after {CATCH_UP_SECONDS:.0f} s")
