"""What both sandboxes are made of: routes, bodies, rate limits, and readers who like what they see more and more."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from html import escape
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from cms_core.testing.network import Answer, Request

Now = Callable[[], datetime]
# How often readers do something, in seconds of a post's life, and how many do it in the end.
READERS = {"likes": (20, 240), "reposts": (75, 60), "replies": (180, 20), "quotes": (400, 8)}


def real_now() -> datetime:
    """The clock of this machine."""
    return datetime.now(UTC)


def engagement(posted: datetime, now: datetime) -> dict[str, int]:
    """What readers have done since: it grows, and comes to an end."""
    age = max(0, int((now - posted).total_seconds()))
    return {name: min(age // every, most) for name, (every, most) in READERS.items()}


@dataclass(frozen=True)
class Upload:
    """A file of a form."""

    filename: str
    mime: str
    data: bytes


@dataclass
class Call:
    """A request taken apart: who asks, what stands in the path, the query and the body (JSON, form or multipart)."""

    request: Request
    path: str
    query: dict[str, list[str]]
    names: Mapping[str, str] = field(default_factory=dict)
    token: str = ""

    @classmethod
    def of(cls, request: Request) -> "Call":
        """Take a request apart."""
        parts = urlsplit(request.path)
        header = _header(request, "Authorization")
        token = header.removeprefix("Bearer ") if header.startswith("Bearer ") else ""
        return cls(request, unquote(parts.path), parse_qs(parts.query, keep_blank_values=True), token=token)

    def one(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        return self.query.get(name, [default])[0]

    def body(self) -> dict[str, Any]:
        """The body as names and values; what ends with [] is a list, files are Uploads. Raises ValueError for nonsense."""
        kind = _header(self.request, "Content-Type").partition(";")[0].strip().lower()
        if kind == "application/json":
            found = json.loads(self.request.body or b"{}")
            if not isinstance(found, dict):
                raise ValueError("not an object")
            return found
        if kind == "multipart/form-data":
            return _multipart(self.request)
        form = parse_qs(self.request.body.decode(), keep_blank_values=True)
        return {
            name.removesuffix("[]"): values if name.endswith("[]") else values[0]
            for name, values in form.items()
        }


def _multipart(request: Request) -> dict[str, Any]:
    head = f"Content-Type: {_header(request, 'Content-Type')}\r\n\r\n".encode()
    found: dict[str, Any] = {}
    for part in message_from_bytes(head + request.body, policy=policy.HTTP).iter_parts():
        name = part.get_param("name", header="content-disposition")
        data: Any = part.get_payload(decode=True)
        filename = part.get_filename()
        found[str(name)] = Upload(filename, part.get_content_type(), data) if filename else data.decode()
    return found


def _header(request: Request, name: str) -> str:
    return next((value for key, value in request.headers.items() if key.lower() == name.lower()), "")


Handler = Callable[[Call], Answer]


Route = tuple[str, str, Handler]  # method (* is any), path with {names}, and who answers


class Routes:
    """Which handler answers a method and a path, whose ``{names}`` are given to it."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = [(method, _pattern(path), handler) for method, path, handler in routes]

    def find(self, call: Call) -> Handler | None:
        """The handler, or None; the call then knows the names of its path."""
        for method, pattern, handler in self._routes:
            found = pattern.fullmatch(call.path)
            if found and method in (call.request.method, "*"):
                call.names = found.groupdict()
                return handler
        return None


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path)) + "/?")


@dataclass
class Window:
    """A rate limit: so many points in a window of so many seconds."""

    most: int
    seconds: int
    _used: int = 0
    _ends: datetime | None = None

    def take(self, now: datetime, points: int = 1) -> bool:
        """Use some of it; False when there is not enough left."""
        if self._ends is None or now >= self._ends:
            self._used, self._ends = 0, now + timedelta(seconds=self.seconds)
        if self._used + points > self.most:
            return False
        self._used += points
        return True

    @property
    def left(self) -> int:
        """How much may still be used."""
        return self.most - self._used

    @property
    def ends(self) -> datetime:
        """When the window that is being used ends."""
        return self._ends or datetime.now(UTC)


def page(title: str, posts: Sequence[tuple[str, str, str]]) -> Answer:
    """A page for people: what is public, as (who, when, text)."""
    rows = "".join(
        f"<article><b>{escape(who)}</b> <small>{escape(when)}</small><p>{escape(text)}</p></article>"
        for who, when, text in posts
    )
    style = (
        "<style>body{font:16px/1.5 sans-serif;max-width:40em;margin:2em auto}p{white-space:pre-wrap}</style>"
    )
    document = (
        f"<!doctype html><meta charset=utf-8><title>{escape(title)}</title>{style}<h1>{escape(title)}</h1>"
    )
    html = document + (rows or "<p>Nothing is public yet.</p>")
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    }
    return Answer(200, body=html.encode(), headers=headers)
