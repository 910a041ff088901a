"""A request before it is sent, and which addresses are none for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from cms_core.contract import Refused
from cms_core.outbound.guard import Blocked

KEPT_ACROSS_ORIGINS: Final = frozenset("accept accept-language accept-encoding user-agent range".split())
# What listens there would read a request as its own commands (after the list of the Fetch standard).
CLOSED_PORTS: Final = frozenset(
    map(
        int,
        "0 7 9 11 13 19 21 22 23 25 37 42 43 53 69 79 110 111 113 119 123 135 137 139 143 161 179 389 427 445 465 512 513 514 "
        "515 540 548 554 587 601 636 993 995 1723 2049 3306 3389 5060 5061 5432 6000 6379 6566 6665 6666 6667 6668 6669 6697 "
        "10080 11211 27017".split(),
    )
)


@dataclass(frozen=True)
class Call:
    """One request as it was asked for. ``safe``: doing it twice does no harm."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    json: Any = field(repr=False)
    data: bytes | Mapping[str, str] | None = field(repr=False)
    safe: bool
    expect: frozenset[int]

    @property
    def what(self) -> str:
        """Method and host, for people; never a path or a query."""
        return f"{self.method} {urlsplit(self.url).hostname or 'no host'}"

    def moved(self, target: str) -> "Call":
        """The same request to where it was redirected; headers that may be secret do not go to another origin."""
        url = urljoin(self.url, target)
        check_url(url)
        old, new = urlsplit(self.url), urlsplit(url)
        if old.scheme == "https" and new.scheme == "http":
            raise Refused(f"{self.what}: redirected from https to http")
        headers = self.headers
        if (old.scheme, old.netloc) != (new.scheme, new.netloc):
            headers = {name: value for name, value in headers.items() if name.lower() in KEPT_ACROSS_ORIGINS}
        return replace(self, url=url, headers=headers)


def check_url(url: str) -> None:
    """Refuse what is no plain web address; what its host is, the guard checks when it connects."""
    if any(each <= " " or each in "\\\x7f" for each in url):
        raise Blocked(
            "an address has no spaces, control characters or backslashes", remedy="write them as %XX"
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Blocked("this is not a web address", remedy="give one like https://www.example.com/") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or "%" in parts.netloc:
        raise Blocked("this is not a web address", remedy="give one like https://www.example.com/")
    if "@" in parts.netloc:
        raise Blocked(
            "a web address with a user name in it is not opened", remedy="leave out what stands before the @"
        )
    if port in CLOSED_PORTS:
        raise Blocked(f"port {port} belongs to another service than the web", remedy="use another port")
