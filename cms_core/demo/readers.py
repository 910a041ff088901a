"""Simulated readers: they fetch the pixel, the links and the pages of the demo over HTTP, each from an address of their own.

All of them sit on this machine, so each names an address by X-Forwarded-For, which the demo's app believes of loopback
(CMS_TRUSTED_PROXIES): otherwise the rule that tells machines by bursts from one address would take them for one.
"""

import html
import re
import time
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from http.client import HTTPConnection
from random import Random
from urllib.parse import urlsplit

from cms_core.demo import people
from cms_core.demo.mailbox import LOOPBACK, Mail, Mailbox

BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
    "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36",
)
OPENS, CLICKS, ASKS, RETURNS = 0.55, 0.45, 0.3, 0.2
GOAL = "/book-a-look"
ONE_CLICK = "List-Unsubscribe=One-Click"  # RFC 8058, 3.1
_HREF = re.compile(r'<a\b[^>]*?\shref="([^"]+)"')
_PIXEL = re.compile(r'<img\b[^>]*?\ssrc="([^"]+/t/[^"]+\.gif)"')


class Reader:
    """One browser: its address, its name, its cookies."""

    def __init__(self, wire: HTTPConnection, who: str) -> None:
        digest = sha256(who.encode()).hexdigest()
        self._wire = wire
        self._headers = {
            "X-Forwarded-For": f"2001:db8::{digest[:4]}:{digest[4:8]}",  # an address kept for examples (RFC 3849)
            "User-Agent": BROWSERS[int(digest[8:10], 16) % len(BROWSERS)],
        }

    def ask(self, url: str, method: str = "GET", body: str | None = None) -> str:
        """Ask for an address; returns where it leads, or "". Raises ConnectionError for an answer that is an error."""
        return self._answer(url, method, body)[0]

    def read(self, url: str) -> str:
        """The text of a page. Raises ConnectionError for an answer that is an error."""
        return self._answer(url, "GET", None)[1]

    def _answer(self, url: str, method: str, body: str | None) -> tuple[str, str]:
        headers = dict(self._headers)
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        parts = urlsplit(url)
        self._wire.request(method, f"{parts.path}{'?' if parts.query else ''}{parts.query}", body, headers)
        answer = self._wire.getresponse()
        text = answer.read().decode(errors="replace")
        if answer.status >= 400:
            raise ConnectionError(f"{method} {url} was answered with {answer.status}")
        if cookie := answer.getheader("Set-Cookie"):
            self._headers["Cookie"] = cookie.partition(";")[0]
        return answer.getheader("Location") or "", text


class Crowd:
    """Everybody who gets mails. ``pace`` is how many seconds pass between two of them."""

    def __init__(self, port: int, mailbox: Mailbox, pace: float = 0.0) -> None:
        self._wire = HTTPConnection(LOOPBACK, port, timeout=30)
        self._mailbox = mailbox
        self._read = len(mailbox.since())
        self.pace = pace

    def read_new(self, stopped: Callable[[], bool] = lambda: False) -> Counter[str]:
        """Let everybody react to the mails that came since the last time; returns what they did."""
        mails = self._mailbox.since(self._read)
        self._read += len(mails)
        done: Counter[str] = Counter()
        try:
            self._read_all(sorted(mails, key=lambda mail: mail.recipient), done, stopped)
        finally:
            self._wire.close()  # it opens itself again; one that idles would be ended by the server
        return done

    def visit(self, who: str, url: str) -> Counter[str]:
        """Somebody who saw a post looks at its page, and may ask for a look; returns what they did."""
        done, reader = Counter(visited=1), self.reader(who)
        try:
            reader.ask(url)
            if Random(who).random() < ASKS:  # noqa: S311
                reader.ask(GOAL)
                done["asked for a look"] += 1
        finally:
            self._wire.close()
        return done

    def reader(self, who: str) -> Reader:
        """The browser of one person."""
        return Reader(self._wire, who)

    def _read_all(self, mails: list[Mail], done: Counter[str], stopped: Callable[[], bool]) -> None:
        for mail in mails:
            if mail.recipient.endswith("@" + people.GATEWAY):
                self._scan(mail, done)
        for n, mail in enumerate(mails):
            if stopped():
                break
            self._react(mail, n, done)
            time.sleep(self.pace)

    def _scan(self, mail: Mail, done: Counter[str]) -> None:
        """A security gateway opens everything and follows every link at once, the hidden one and the unsubscribe page too."""
        gateway = self.reader(people.GATEWAY)
        for url in [*_pixels(mail), *_links(mail)]:
            gateway.ask(url)
            done["machine hits"] += not url.endswith("/u")  # a look at that page is in no report

    def _react(self, mail: Mail, n: int, done: Counter[str]) -> None:
        dice = Random(f"{mail.header('Subject')[-20:]}:{mail.recipient}")  # noqa: S311
        reader = self.reader(mail.recipient)
        if n == 1:
            reader.ask(_visible(mail)[0], "HEAD")
            done["machine hits"] += 1
        if n == 2 and mail.header("List-Unsubscribe-Post") == ONE_CLICK:
            reader.ask(mail.header("List-Unsubscribe").strip("<>"), "POST", ONE_CLICK)
            done["unsubscribed"] += 1
            return
        if dice.random() >= OPENS:
            return
        for _ in range(1 + (dice.random() < RETURNS)):
            reader.ask(_pixels(mail)[0])
            done["opened"] += 1
        if dice.random() < CLICKS:
            self._visit(reader, dice.choice(_visible(mail)), dice, done)

    def _visit(self, reader: Reader, link: str, dice: Random, done: Counter[str]) -> None:
        target = reader.ask(link)
        done["clicked"] += 1
        reader.ask(target)
        done["visited"] += 1
        if dice.random() < ASKS:
            reader.ask(GOAL)
            done["asked for a look"] += 1


def _pixels(mail: Mail) -> list[str]:
    return [html.unescape(url) for url in _PIXEL.findall(mail.part("html"))]


def _links(mail: Mail) -> list[str]:
    return [html.unescape(url) for url in _HREF.findall(mail.part("html"))]


def _visible(mail: Mail) -> list[str]:
    """The links that a person sees and has a reason to follow."""
    return [url for url in _links(mail) if url.rpartition("/")[2].isdigit()]
