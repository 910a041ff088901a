"""A TCP server on loopback that plays a script on each connection and remembers what it was sent."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Self

import pytest

from cms_core.contract import ChannelError
from cms_core.outbound import HttpClient

Script = Callable[["Peer"], None]


class Peer:
    """One connection to the server."""

    def __init__(self, sock: socket.socket, server: "RawServer") -> None:
        self.sock = sock
        self.server = server

    def request(self) -> bytes:
        """Read one request: head, and the body that Content-Length announces."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._read()
        head, _, body = data.partition(b"\r\n\r\n")
        lengths = [
            int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
        ]
        while lengths and len(body) < lengths[0]:
            body += self._read()
        request = head + b"\r\n\r\n" + body
        self.server.requests.append(request)
        return request

    def say(self, data: bytes) -> None:
        self.sock.sendall(data)

    def answer(self, status: str, body: bytes = b"", *headers: str) -> None:
        """Answer in full and keep the connection."""
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
        self.say("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def reset(self) -> None:
        """Close with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()

    def wait(self, seconds: float = 30.0) -> None:
        """Do nothing until the test is over."""
        self.server.over.wait(seconds)

    def _read(self) -> bytes:
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionError
        return data


class RawServer:
    """``script`` is played on each connection, again and again while it stays open; ``requests`` are those read."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self.script = script
        self.requests: list[bytes] = []
        self.connections = 0
        self.over = threading.Event()
        self._tls = tls
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self.port: int = self._socket.getsockname()[1]

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._socket.settimeout(0.02)
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for sock in self._open:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        self._socket.close()

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.over.is_set():
            with contextlib.suppress(TimeoutError):
                sock, _ = self._socket.accept()
                self.connections += 1
                self._start(lambda sock=sock: self._serve(sock))  # type: ignore[misc]

    def _serve(self, sock: socket.socket) -> None:
        sock.settimeout(1.0)
        with contextlib.suppress(OSError, ValueError):
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
            self._open.append(sock)
            while not self.over.is_set():
                self.script(Peer(sock, self))
        sock.close()


def plays(act: Callable[[Peer], None]) -> RawServer:
    """A server that reads each request and then does this."""

    def script(peer: Peer) -> None:
        peer.request()
        act(peer)

    return RawServer(script)


def answers(status: str, body: bytes = b"", *headers: str) -> RawServer:
    """A server that gives each request the same answer."""
    return plays(lambda peer: peer.answer(status, body, *headers))


def failure(client: HttpClient, method: str, url: str, **options: bool) -> ChannelError:
    """The error that a request ends with."""
    with pytest.raises(ChannelError) as caught:
        client.request(method, url, json={"a": 1} if method == "POST" else None, **options)  # type: ignore[arg-type]
    return caught.value
