"""The words around the numbers, with the numbers left out."""

HOW = """# Measurements

Rendered from `benchmarks/results.json`; change nothing here. `make bench` measures all of it again in about ten
minutes, on servers of its own that it removes; `make docs` only renders. Missed targets stand here too.

{runs}, with the least and the most in brackets, of {measured}, commit {commit}. {quiet}

Clients, pooler, primary and both replicas share one machine, so the numbers compare settings with each other and do not
say what an RDS instance does. Where the ranges of two rows overlap, their difference is noise.

{machine}"""

DATABASE = """## Database

pgbench's TPC-B-like transaction on {accounts} accounts (scale {scale}), as `langpont_app`, on prod's servers with two
streaming replicas, `fsync` and `synchronous_commit` as on RDS; {seconds} s a run with logging in. Direct connections
speak TLS; through PgBouncer the pooler does, with prod's `pgbouncer.ini`. Directly there are three clients fewer, which
`max_connections = 300` keeps for the superuser. Parameters: **RDS's defaults** by the catalogue, **the document's**
with the units that it means (`benchmarks/parameters.py`), **ours** as registered for prod.

Closed loop: each client sends its next transaction at once. {offered}: transactions are due at random moments for
{offered_seconds} s, of which the first {settle_seconds}, in which clients log in, are left out; a latency counts from
when its transaction was due.

{targets}
{rate}.

![Latency](pictures/latency.svg)

![Throughput](pictures/throughput.svg)

{rows}"""

LIBRARY = """## Library

A unit of work with one read of one row, on the same replica through the same PgBouncer: `Database.session()` of
`langpont_db` against `Session` of plain SQLAlchemy without pre-ping, in turns; of each turn the means are compared.
CPU is this process's, with the threads that watch the servers. Wanted: no longer by the clock, at most 10 % more CPU.

| | by the clock | CPU |
| --- | --- | --- |
| plain SQLAlchemy, µs | {plain_us} | {plain_cpu_us} |
| routed, µs | {routed_us} | {routed_cpu_us} |
| overhead, % | {overhead_percent} | {overhead_cpu_percent} |
"""

PREVIEW = """## Preview

`python -m preview` in a new process. Of prod's, importing `pulumi` is {pulumi} % and importing `pulumi_aws`
{pulumi_aws} %, by `python -X importtime`.

{rows}"""

FAILOVER = """## Failover

Eight clients write through PgBouncer; all processes of the primary are killed at once. The benchmark detects it by a
login and a query each second, promotes the standby, writes a new `pgbouncer.ini` and reloads. Downtime is the longest
time between two acknowledged commits; it is never below the second after which PgBouncer asks a server again
(`server_login_retry = 1`).

{rows}
![Failover](pictures/failover.svg)

Not so on RDS: it decides for itself when to fail over and moves the endpoint's address, and a lost host leaves
connections half open, which `tcp_user_timeout` ends after 15 s. The synchronous standby stands for Multi-AZ, the
asynchronous one for a read replica, which here is only milliseconds behind.
"""

RECOVERY = """## Recovery to a point in time

A base backup ({size_mib} MiB), archived log, clients that write, then an `UPDATE` without its `WHERE`. A new server
replays the log up to the moment before it; the time is from the decision until it takes writes.

| | median (least to most) |
| --- | --- |
| restored after, s | {restore_s} |
| from the last row that is there to the bad write, s | {lost_s} |
| acknowledged commits before the bad write that are not there | {lost_commits} |

What was written after that moment is gone, and if the primary itself is lost, also what was not archived: RDS archives
every five minutes. On RDS a restore makes a new instance, which takes minutes before the first byte is replayed.
"""
