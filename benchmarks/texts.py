"""The words around the numbers, with the numbers left out."""

HOW = """# Measurements

Rendered from `benchmarks/results.json`; change nothing here. `make bench` measures all of it again in less than ten
minutes, on servers of its own that it removes, and renders it. `make docs` only renders. Numbers are reported as
measured, also where they miss a target.

{runs}, with the least and the most in brackets, of {measured}, commit {commit}.
Clients, pooler, primary and both replicas share this one machine, so what follows compares settings with each other.
It does not say what an RDS instance does: there is no network between them, the disk is the machine's, and its memory
is not the class's.

{machine}"""

DATABASE = """## Database

pgbench's TPC-B-like transaction (three updates, a select, an insert) on {accounts} accounts (scale {scale}), as
`langpont_app`, simple protocol, {seconds} s a run with logging in; {offered_seconds} s where transactions are
offered, of which the first {settle_seconds} are left out, in which the clients log in. The servers are prod's, with
two streaming replicas, `fsync` and `synchronous_commit` as on RDS. A direct connection speaks TLS; through PgBouncer
the pooler does, with prod's `pgbouncer.ini`. Directly there are three clients fewer, and the pooler is stopped:
`max_connections = 300` keeps three for the superuser. Before the runs of a set the tables are read into memory and a
checkpoint is made; before those through the pooler it gets two seconds to open its connections. Runs begin in turns
from either end of the list.

- **RDS's defaults**: what the default group of `postgres16` has for the class, by the parameter catalogue.
- **The document's**: its own values with the units that it means (`benchmarks/parameters.py`).
- **Ours**: as registered for prod.

Closed loop: each client sends its next transaction at once. {offered}: transactions are due at random moments,
so many each second on average, and a latency counts from when it was due, so that waiting for a client is in it.

{targets}
{rate}.

![Latency](pictures/latency.svg)

![Throughput](pictures/throughput.svg)

{rows}"""

LIBRARY = """## Library

A unit of work with one read of one row, on the same replica through the same PgBouncer: `Database.session()` of
`langpont_db` against `Session` of plain SQLAlchemy, in turns. The overhead is that of each pair of turns.

| | median (least to most) |
| --- | --- |
| plain SQLAlchemy, µs | {plain_us} |
| routed, µs | {routed_us} |
| overhead, % | {overhead_percent} |
"""

PREVIEW = """## Preview

`python -m preview` in a new process; caches of compiled modules are there. Of prod's, importing `pulumi` is
{pulumi} % and importing `pulumi_aws` {pulumi_aws} %, by `python -X importtime`.

{rows}
![Preview by replicas](pictures/preview.svg)
"""

FAILOVER = """## Failover

Eight clients write numbered rows through PgBouncer and note each number whose commit came back. All processes of the
primary are killed at once. What detects it is the benchmark itself: a login and a query each second, of which one that
fails is enough. It then promotes the standby, writes a new `pgbouncer.ini` and reloads. Downtime is the longest time
between two acknowledged commits. Each run kills at another moment between two checks.

{rows}
![Failover](pictures/failover.svg)

PgBouncer asks a server that refused it again after a second (`server_login_retry = 1`), so a downtime below that second
is not to be had, however fast the rest is.

What this leaves out: RDS decides for itself when to fail over and moves the endpoint's address, and a host that is gone
leaves connections half open, which `tcp_user_timeout` ends after 15 s. Multi-AZ writes to both zones before a commit
comes back; the synchronous standby stands for that here, and a read replica for the asynchronous one. On one machine a
standby is milliseconds behind; what an asynchronous one loses over a network is what its lag is at that moment.
"""

RECOVERY = """## Recovery to a point in time

A base backup, the log archived, clients that write, then an `UPDATE` without its `WHERE`. Another server is made of the
backup and replays the log up to the moment before it. The time is from the decision until it takes writes: the last
segment of the log is closed and archived, {size_mib} MiB are copied, the log is replayed.

| | median (least to most) |
| --- | --- |
| restored after, s | {restore_s} |
| from the last row that is there to the bad write, s | {lost_s} |
| acknowledged commits before the bad write that are not there | {lost_commits} |

All that was written after that moment is not there, which is everything until somebody notices. If the primary itself
is gone, so is what was not archived yet: RDS archives every five minutes. On RDS a restore makes a new instance, which
takes minutes before the first byte is replayed.
"""
