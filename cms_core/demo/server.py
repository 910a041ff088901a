"""Serves the demo's app from a thread, on a port that was free."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from flask import Flask

from cms_core.demo.mailbox import LOOPBACK
from cms_core.errors import ConfigError

TRIED = 50
LOOK_SECONDS = 0.2


def listen(port: int) -> "closing[socket.socket]":
    """A listening socket on this port of 127.0.0.1 or, when that is taken, the next free one; raises ConfigError."""
    for each in range(port, min(port + TRIED, 65536)):
        try:
            return closing(socket.create_server((LOOPBACK, each)))
        except OSError:
            continue
    raise ConfigError(f"no port from {port} on is free", "name another one: cms demo --port 9000")


@contextmanager
def serving(app: Flask, listener: socket.socket) -> Iterator[None]:
    """Answer requests until the end of the block."""
    from waitress import wasyncore
    from waitress.server import create_server

    from cms_core.cli.serving import SERVER

    connections: dict[int, Any] = {}
    server = create_server(app, map=connections, sockets=[listener], **SERVER)
    stopping = threading.Event()

    def answer() -> None:
        while not stopping.is_set():
            wasyncore.loop(timeout=LOOK_SECONDS, map=connections, count=1)

    thread = threading.Thread(target=answer, name="demo-web")
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
        server.task_dispatcher.shutdown()
        wasyncore.close_all(connections)
