"""For tests of webhooks: a receiver on loopback that does what it is told, and events."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cms_core.events.service import NewEvent, record
from cms_core.webhooks import service
from cms_core.workspace import Workspace


@dataclass
class Receiver:
    """What arrived, as (headers, body); ``answers`` are given in their order, then 200."""

    url: str = ""
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.got.append((dict(self.headers.items()), body))
            status, headers = found.answers.pop(0) if found.answers else (200, {})
            self.send_response(status)
            for name, value in {**headers, "Content-Length": "0"}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_port}/hook"
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def subscribe(workspace: Workspace) -> Callable[..., tuple[str, str]]:
    """Adds a webhook; its id and secret."""

    def add(url: str, *kinds: str) -> tuple[str, str]:
        with workspace.db.transaction() as session:
            made, secret = service.add(session, workspace, url, kinds)
            return made.public_id, secret

    return add


@pytest.fixture
def happen(workspace: Workspace) -> Callable[..., None]:
    """Records events: ``happen("clicked", "opened")``."""
    count = iter(range(1_000_000))

    def add(*kinds: str) -> None:
        with workspace.db.transaction() as session:
            at = workspace.db.clock.now()
            record(
                session, [NewEvent(kind, at, "test", str(next(count)), campaign="launch") for kind in kinds]
            )

    return add
