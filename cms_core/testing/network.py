"""FakeNetwork: a remote on loopback that speaks HTTP, remembers every request, and can be told to misbehave.

What answers is a function from :class:`Request` to :class:`Answer`, or a :class:`Sandbox` of a channel. Faults are documents,
as in a faults file: ``{"on": "publish", "nth": 1, "do": "accept-then-drop"}``. ``on`` is an operation that the sandbox names, or a
method and a path prefix (``POST /statuses``; either may be left out); ``nth`` counts the requests that match (0: each); ``do`` is
one of :data:`FAULTS`, with ``seconds``, ``status``, ``retry_after`` and ``document`` where they matter.
"""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
FAULTS = {
    "drop": "close without reading what was asked",
    "accept-then-drop": "do what was asked, then close without an answer",
    "accept-then-reset": "do what was asked, then reset the connection",
    "accept-then-silence": "do what was asked, then say nothing for `seconds`",
    "half-answer": "do what was asked, send the headers and half of the body, then close",
    "stall": "do what was asked, send the headers, then nothing for `seconds`",
    "drip": "answer one byte every 50 ms",
    "delay": "answer after `seconds`",
    "duplicate": "do what was asked twice, answer once",
    "refuse": "answer `status` (403) without doing anything",
    "busy": "answer `status` (429), with Retry-After where `retry_after` is given",
    "html": "do what was asked, answer 200 with an HTML page",
    "garbage": "do what was asked, answer 200 with JSON that is none",
    "lie": "do nothing, answer 200 with an empty object",
    "say": 'do nothing, answer `status` (200) with `document` ({"error": …})',
}
NO_DOCUMENT = {"error": "something went wrong"}


@dataclass(frozen=True)
class Request:
    """One request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What the remote answers: JSON by default."""

    status: int = 200
    document: Any = None
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def payload(self) -> bytes:
        return self.body if self.body is not None else json.dumps(self.document).encode()


Responder = Callable[[Request], Answer]


class Sandbox(Protocol):
    """A network that a channel can be tried with: what ``SANDBOXES`` of a plugin's module ``sandbox`` makes.

    ``operations`` gives the requests (method and path prefix) of what a channel does: publish, update, withdraw, measure, …;
    ``settings`` are those with which a connection reaches it, ``{url}`` standing for where it is served.
    """

    operations: Mapping[str, Sequence[str]]
    settings: Mapping[str, str]

    def __call__(self, request: Request) -> Answer: ...


@dataclass
class Fault:
    """One misdeed and how many matching requests it has seen."""

    do: str
    on: str = ""
    nth: int = 1
    seconds: float = 1.0
    status: int | None = None
    retry_after: str | None = None
    document: Any = None
    patterns: Sequence[str] = ()
    seen: int = 0

    def hits(self, request: Request) -> bool:
        """Whether this request is the one."""
        if not any(_fits(request, pattern) for pattern in self.patterns or (self.on,)):
            return False
        self.seen += 1
        return self.nth in (0, self.seen)


def _fits(request: Request, pattern: str) -> bool:
    method, _, prefix = pattern.rpartition(" ")
    return method in ("", request.method) and (request.path.startswith(prefix) or prefix == request.method)


class FakeNetwork:
    """Serves a sandbox on a free loopback port; use it as a context manager."""

    def __init__(
        self, respond: Responder, faults: list[Mapping[str, Any]] | None = None, port: int = 0
    ) -> None:
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self._respond = respond
        self._operations: Mapping[str, Sequence[str]] = getattr(respond, "operations", {})
        self._settings: Mapping[str, str] = getattr(respond, "settings", {})
        self._lock = threading.Lock()
        for document in faults or []:
            self.fault(**document)
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """Where it listens, without a trailing slash."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def hint(self) -> str:
        """The settings of a connection that reaches it, as ``cms connections add`` takes them."""
        pairs = {name: value.format(url=self.url) for name, value in self._settings.items()}
        return " ".join(f"--set {name}={value}" for name, value in pairs.items())

    def fault(self, do: str, **more: Any) -> None:
        """Add a misdeed; raises ValueError for an unknown one."""
        if do not in FAULTS:
            raise ValueError(f"there is no fault {do!r}; there are {', '.join(FAULTS)}")
        fault = Fault(do, **more)
        fault.patterns = self._operations.get(fault.on, ())
        if (
            self._operations
            and fault.on
            and not fault.patterns
            and "/" not in fault.on
            and not fault.on.isupper()
        ):
            raise ValueError(f"there is no operation {fault.on!r}; there are {', '.join(self._operations)}")
        self.faults.append(fault)

    def __enter__(self) -> "FakeNetwork":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self.close()
        self._thread.join()

    def serve_forever(self) -> None:
        """Serve in this thread until interrupted (``cms dev sandbox``)."""
        self._server.serve_forever(0.05)

    def close(self) -> None:
        """Free the port."""
        self._server.server_close()

    def answer(self, request: Request) -> tuple[Answer, Fault | None]:
        """Remember a request and do what it asks, or what the next fault says."""
        with self._lock:
            self.requests.append(request)
            fault = next((each for each in self.faults if each.hits(request)), None)
            return self._misbehave(request, fault) if fault else self._respond(request), fault

    def _misbehave(self, request: Request, fault: Fault) -> Answer:
        match fault.do:
            case "drop":
                return Answer()
            case "refuse":
                return Answer(fault.status or 403, {"error": "refused"})
            case "busy":
                headers = {"Retry-After": fault.retry_after} if fault.retry_after is not None else {}
                return Answer(fault.status or 429, {"error": "busy"}, headers=headers)
            case "lie" | "say":
                return Answer(fault.status or 200, {} if fault.do == "lie" else fault.document or NO_DOCUMENT)
            case "duplicate":
                self._respond(request)
        answer = self._respond(request)
        if fault.do == "html":
            return Answer(
                200, body=b"<!doctype html><title>Sorry</title>", headers={"Content-Type": "text/html"}
            )
        return Answer(200, body=b'{"id": ') if fault.do == "garbage" else answer

    def _handler(network) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - ``self`` is the handler below
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                request = Request(
                    self.command, self.path, dict(self.headers.items()), self.rfile.read(length)
                )
                answer, fault = network.answer(request)
                self.close_connection = fault is not None
                _send(self, answer, fault)

            def log_message(self, *_: object) -> None:
                pass

        for method in METHODS:
            setattr(Handler, f"do_{method}", Handler.handle_any)
        return Handler


def _send(handler: BaseHTTPRequestHandler, answer: Answer, fault: Fault | None) -> None:
    do = fault.do if fault else ""
    seconds = fault.seconds if fault else 0
    if do in ("drop", "accept-then-drop"):
        return
    if do == "accept-then-reset":
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()
        return
    if do in ("accept-then-silence", "delay"):
        time.sleep(seconds)
    if do == "accept-then-silence":
        return
    _send_headers(handler, answer)
    payload = answer.payload
    if do == "stall":
        handler.wfile.flush()
        time.sleep(seconds)
    elif do == "half-answer":
        handler.wfile.write(payload[: len(payload) // 2])
    elif do == "drip":
        for byte in payload:
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()
            time.sleep(0.05)
    elif handler.command != "HEAD":
        handler.wfile.write(payload)


def _send_headers(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    handler.send_response(answer.status)
    headers = {
        "Content-Type": "application/json",
        **answer.headers,
        "Content-Length": str(len(answer.payload)),
    }
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
