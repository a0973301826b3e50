"""TCP ports on loopback that stay a server's: free ones, outside the range that the system gives to connections."""

from __future__ import annotations

import random
import socket
from collections.abc import Collection
from pathlib import Path

HOST = "127.0.0.1"
# Above the ports that people know, below those that Linux (32768) and macOS (49152) give to connections by default.
_PORTS = range(15_000, 32_768)
_RANGE_OF_CONNECTIONS = Path("/proc/sys/net/ipv4/ip_local_port_range")


def is_free(port: int) -> bool:
    """Whether a server could listen on it now."""
    with socket.socket() as probe:
        # As servers do: a connection that lingers from the one before does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def free_port(taken: Collection[int] = ()) -> int:
    """A free port that is none of `taken`.

    One of the range of connections would be lost while its server restarts: any program that connects somewhere may be
    given it. Raises `OSError` if none is free.
    """
    candidates = list(set(_PORTS) - set(_of_connections())) or list(_PORTS)
    random.shuffle(candidates)
    for port in candidates:
        if port not in taken and is_free(port):
            return port
    raise OSError(f"no port from {_PORTS[0]} to {_PORTS[-1]} is free")


def _of_connections() -> range:
    try:
        lowest, highest = _RANGE_OF_CONNECTIONS.read_text(encoding="ascii").split()
    except FileNotFoundError:
        return range(0)
    return range(int(lowest), int(highest) + 1)
