"""Survives a fork: a child process shares no socket, lock or thread with its parent."""

from __future__ import annotations

import os
import socket
import weakref
from typing import Any, Protocol

import psycopg


class Renewable(Protocol):
    """What must be made anew in a child process: locks that a thread of the parent may hold, pools, threads."""

    def after_fork(self) -> None:
        """Called in the child, before anything else runs there."""


_renewable: weakref.WeakSet[Renewable] = weakref.WeakSet()
_connections: weakref.WeakSet[Any] = weakref.WeakSet()


def renew_after_fork(one: Renewable) -> None:
    """Have its `after_fork` called in each child that is forked while it lives."""
    _renewable.add(one)


def close_after_fork(connection: Any) -> None:
    """Close a psycopg connection in each child, without a word to the server, which goes on with the parent."""
    _connections.add(connection)


def _sever(connection: Any) -> None:
    try:
        descriptor = connection.pgconn.socket
    except psycopg.Error:
        return  # closed already
    # libpq says goodbye when it closes a connection, and TLS does too. Into a dead socket they may say what they like.
    mine, other = socket.socketpair()
    other.close()
    os.dup2(mine.fileno(), descriptor, inheritable=False)
    mine.close()
    connection.pgconn.finish()


def _in_child() -> None:
    for connection in list(_connections):
        _sever(connection)
    for one in list(_renewable):
        one.after_fork()


os.register_at_fork(after_in_child=_in_child)
