"""PgBouncer on an application host: installs the published configuration, keeps it up to date, publishes metrics.

The command is `python -m langpont_db.pgbouncer`, run as root: `install` by each deploy, `sync` by a timer every minute.
Linux with systemd and the distribution's package pgbouncer.
"""
