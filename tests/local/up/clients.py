"""Applications of a platform whose passwords are rotated: `run` until its input ends, `once`, and `migrate` once.

Each prints the logins that it was, and ends with an error if anything failed.
"""

from __future__ import annotations

import sys
import threading
import time

from sqlalchemy import text

from langpont_db import Database, migration_engine, passwords

passwords.FRESH_SECONDS = 1  # so that the minutes of a rotation pass in seconds


def work(database: Database) -> set[str]:
    """A transaction on the primary and a read, as whom."""
    with database.get_write_session() as session:
        found = {str(session.scalar(text("SELECT current_user")))}
    with database.get_read_session() as session:
        return found | {str(session.scalar(text("SELECT current_user")))}


def run() -> set[str]:
    """Work in four threads until standard input ends."""
    database = Database.from_env()
    ended, seen, failures = threading.Event(), set[str](), list[BaseException]()

    def go_on() -> None:
        try:
            while not ended.is_set():
                seen.update(work(database))
                time.sleep(0.01)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=go_on) for _ in range(4)]
    for thread in threads:
        thread.start()
    print("running", flush=True)
    sys.stdin.read()
    ended.set()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return seen


def once() -> set[str]:
    """Work in a process that has just begun."""
    return work(Database.from_env())


def migrate() -> set[str]:
    """Log in as the migrator."""
    with migration_engine().connect() as connection:
        return {str(connection.scalar(text("SELECT session_user")))}


if __name__ == "__main__":
    print(" ".join(sorted({"run": run, "once": once, "migrate": migrate}[sys.argv[1]]())))
