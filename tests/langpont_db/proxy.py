"""A TCP proxy for tests: it forwards, leads to another server, or drops every packet as a dead host does."""

from __future__ import annotations

import ctypes
import selectors
import socket
import struct
import threading
from contextlib import suppress

SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27  # asm-generic/socket.h
BPF_RET_K = 0x06  # linux/bpf_common.h: BPF_RET | BPF_K


class Proxy:
    """Listens on a port of `host`, an address of this machine, and forwards to the port `target` of 127.0.0.1.

    While packets are dropped the kernel discards what arrives before TCP sees it: nothing is acknowledged, nobody is
    told, as if the host had lost its power.
    """

    def __init__(self, target: int, host: str = "127.0.0.1") -> None:
        self.target = target
        self._listener = socket.create_server((host, 0))
        self.port: int = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._peers: dict[socket.socket, socket.socket] = {}
        self._fronts: set[socket.socket] = set()
        self._lost: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def connections(self) -> int:
        """How many are open."""
        with self._lock:
            return len(self._fronts)

    def drop(self) -> None:
        """Lose every packet of the connections that there are, and of all that are tried."""
        with self._lock:
            self._lost |= self._fronts
            for one in (self._listener, *self._fronts):
                _lose_packets(one)

    def recover(self) -> None:
        """Take connections again. Those that were lost stay lost."""
        with self._lock:
            self._listener.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)

    def close(self) -> None:
        """End the thread and close everything."""
        if not self._thread.is_alive():
            return
        self._wake.send(b"x")
        self._thread.join(5)
        for one in (self._listener, self._wake, self._woken, *self._peers):
            one.close()
        self._selector.close()

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._woken:
                    return
                with self._lock:
                    assert isinstance(key.fileobj, socket.socket)
                    if key.fileobj is self._listener:
                        self._accept()
                    elif key.fileobj in self._peers:
                        self._forward(key.fileobj)

    def _accept(self) -> None:
        front, _ = self._listener.accept()
        back = socket.create_connection(("127.0.0.1", self.target))
        self._fronts.add(front)
        self._peers |= {front: back, back: front}
        for one in (front, back):
            self._selector.register(one, selectors.EVENT_READ)

    def _forward(self, one: socket.socket) -> None:
        peer = self._peers[one]
        if one in self._lost or peer in self._lost:
            self._selector.unregister(one)  # nothing comes through any more, not even an end
            return
        data = b""
        with suppress(OSError):
            data = one.recv(65536)
            peer.sendall(data)
        if not data:
            for end in (one, peer):
                self._selector.unregister(end)
                self._fronts.discard(end)
                del self._peers[end]
                end.close()


def _lose_packets(one: socket.socket) -> None:
    """Attach a filter of one instruction that accepts no byte (socket(7), SO_ATTACH_FILTER)."""
    program = ctypes.create_string_buffer(struct.pack("HBBI", BPF_RET_K, 0, 0, 0))
    one.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(program)))
