"""Stands for a PgBouncer that locks out as 1.25.2 does: one refused login, and the role is not let in any more.

It stands before the real one and answers by itself those that it locks out.
"""

from __future__ import annotations

import select
import socket
import struct
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from langpont_db.pgbouncer import trial
from langpont_db.pgbouncer.trial import Trial

SAID = "server login failed: wrong password type"  # by 1.25.2, to a client with the right password
_REAL = trial.running


@contextmanager
def running(*arguments: Any, **keywords: Any) -> Iterator[Trial]:
    """As `trial.running`, with a PgBouncer that locks out."""
    with (
        _REAL(*arguments, **keywords) as real,
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX) as listener,
    ):
        name = f".s.PGSQL.{real.port}"
        (Path(folder) / "log").symlink_to(real.folder / "log")
        listener.bind(f"{folder}/{name}")
        listener.listen()
        ended = threading.Event()
        thread = threading.Thread(target=_accept, args=(listener, str(real.folder / name), ended))
        thread.start()
        try:
            yield replace(real, folder=Path(folder))
        finally:
            ended.set()
            thread.join()


def _accept(listener: socket.socket, address: str, ended: threading.Event) -> None:
    locked: set[str] = set()
    while not ended.is_set():
        if select.select([listener], [], [], 0.05)[0]:
            client, _ = listener.accept()
            with client:
                _serve(client, address, locked)


def _serve(client: socket.socket, address: str, locked: set[str]) -> None:
    """One client. Messages: https://www.postgresql.org/docs/16/protocol-message-formats.html"""
    (length,) = struct.unpack("!I", client.recv(4, socket.MSG_WAITALL))
    startup = client.recv(length - 4, socket.MSG_WAITALL)
    words = startup[4:].split(b"\0")
    user = dict(zip(words[::2], words[1::2], strict=False))[b"user"].decode()
    if user in locked:
        fields = b"".join(b"%b%b\0" % pair for pair in ((b"S", b"FATAL"), (b"C", b"08P01"), (b"M", SAID.encode())))
        client.sendall(b"E" + struct.pack("!I", len(fields) + 5) + fields + b"\0")
        return
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        server.sendall(struct.pack("!I", length) + startup)
        while True:
            for one in select.select([client, server], [], [])[0]:
                data = one.recv(65536)
                if not data:
                    return
                if one is server and data[:1] == b"E":  # the first of a login; queries of the trial do not fail
                    locked.add(user)
                (client if one is server else server).sendall(data)
