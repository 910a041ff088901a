"""Under the HTTP client: connections that go through a guard, a deadline over the whole request, and bounded bodies."""

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from cms_core.outbound.guard import Guard

CHUNK = 64 * 1024

# Its debug lines have paths and queries, which may be secret.
logging.getLogger("urllib3").setLevel(logging.INFO)

_current: ContextVar["Exchange"] = ContextVar("exchange")


class TooBig(Exception):
    """The body is larger than it may be."""


class Exchange:
    """One request under way. ``began``: bytes of it may have left; ``late``: the deadline passed and the socket was shut down."""

    def __init__(self, guard: Guard, timeout: float, deadline: float) -> None:
        self.began = False
        self.late = False
        self._guard = guard
        self._timeout = timeout
        self._ends = time.monotonic() + deadline
        self._lock = threading.Lock()
        self._handle: socket.socket | None = None

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Everything that is sent inside belongs to this exchange and ends with its deadline."""
        timer = threading.Timer(self._ends - time.monotonic(), self._shut_down)
        timer.daemon = True
        timer.start()
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)
            timer.cancel()
            self._watch(None)

    def connect(self, host: str, port: int) -> socket.socket:
        """A socket to a checked address."""
        self.check()
        left = max(self._ends - time.monotonic(), 0.001)
        sock = self._guard.connect(host, port, min(self._timeout, left))
        sock.settimeout(self._timeout)
        self._watch(sock)
        return sock

    def leaving(self, sock: socket.socket | None) -> None:
        """Bytes of the request are about to leave by this socket."""
        if not self.began:
            self.began = True
            self._watch(sock)

    def check(self) -> None:
        """Raise TimeoutError when the deadline has passed: an answer that ends there may only look whole."""
        if self.late:
            raise TimeoutError("the deadline has passed")

    def _watch(self, sock: socket.socket | None) -> None:
        # A duplicate reaches the connection in every phase, also when TLS or a response has taken the socket over.
        with self._lock:
            if self._handle is not None:
                self._handle.close()
            self._handle = None
            if sock is not None:
                self._handle = socket.socket(fileno=socket.dup(sock.fileno()))
                if self.late:
                    self._handle.shutdown(socket.SHUT_RDWR)

    def _shut_down(self) -> None:
        with self._lock:
            self.late = True
            if self._handle is not None:
                with contextlib.suppress(OSError):
                    self._handle.shutdown(socket.SHUT_RDWR)


class _Plain(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _current.get().connect(self._dns_host, self.port)

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        _current.get().leaving(self.sock)
        super().send(data)


class _Secure(_Plain, HTTPSConnection):
    """The same with TLS, whose name and certificate checks go by the host of the address, not by the number it has."""


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


class GuardedAdapter(HTTPAdapter):
    """The transport of requests, with connections that only an exchange can open."""

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: Any) -> None:
        """Called by requests."""
        self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize, block=block, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}


def read_body(response: requests.Response, limit: int) -> bytes:
    """The unpacked body; raises TooBig as soon as it is more than ``limit`` bytes, packed or unpacked."""
    announced = response.headers.get("Content-Length", "")
    if announced.isdigit() and int(announced) > limit:
        raise TooBig
    chunks = []
    size = 0
    for chunk in response.iter_content(CHUNK):
        size += len(chunk)
        if size > limit:
            raise TooBig
        chunks.append(chunk)
    return b"".join(chunks)
