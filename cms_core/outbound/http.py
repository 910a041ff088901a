"""The HTTP client of the core and its plugins: guarded, bounded, and honest about what became of a request.

What is raised (errors of the contract); *safe* means GET, HEAD, OPTIONS, or a request said to be ``idempotent``:

====================================================  ==========================  =======================
what happened                                         safe                        any other request
====================================================  ==========================  =======================
address that may not be reached, odd URL              Blocked (a Refused)         Blocked (a Refused)
no connection, name unknown, lookup too long          Retryable                   Retryable
wrong certificate                                     NotConnected                NotConnected
lost, too late, cut or too big after it began to go   Retryable (big: Refused)    OutcomeUnknown
2xx                                                   the response                the response
3xx                                                   followed (GET, HEAD)        301 307 308 Refused
                                                      else Refused                302 303 OutcomeUnknown
401; 403 that says the token is bad                   NotConnected                NotConnected
408, 421, 425 (not acted upon, by definition), 429    Retryable (Retry-After)     Retryable (Retry-After)
503 with Retry-After                                  Retryable                   Retryable
501, 505                                              Refused                     Refused
other 5xx                                             Retryable                   OutcomeUnknown
other 4xx                                             Refused                     Refused
====================================================  ==========================  =======================

``expect`` names statuses that are answers to this caller, not errors ("409: we have that one already"). GET, HEAD and OPTIONS are
tried up to three times, where the wait is short. Without Retry-After the end of the window that ``RateLimit-Reset`` or
``X-RateLimit-Reset`` names is waited for. Reasons name the method and host only: paths and queries may hold secrets.
"""

import json as jsonlib
import ssl
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final

import requests
from urllib3.exceptions import HTTPError

import cms_core
from cms_core.clock import Clock, SystemClock
from cms_core.contract import ChannelError, NotConnected, OutcomeUnknown, Refused, Retryable
from cms_core.outbound.guard import Guard
from cms_core.outbound.http_answers import judge, unreadable
from cms_core.outbound.http_call import Call, check_url
from cms_core.outbound.http_wire import Exchange, GuardedAdapter, TooBig, read_body
from cms_core.outbound.retrying import LONGEST_WAIT, retrying

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
FOLLOWED: Final = frozenset({"GET", "HEAD"})
MOST_REDIRECTS = 3
BROKEN: Final = (requests.RequestException, OSError, HTTPError, HTTPException)


@dataclass(frozen=True)
class HttpResponse:
    """A whole response. ``url`` is where it came from, after redirects."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    url: str = field(repr=False)
    _charset: str = field(repr=False)
    _safe: bool = field(repr=False)

    @property
    def text(self) -> str:
        """The body as text, in the charset that the server names, else UTF-8; what does not fit is replaced."""
        try:
            return self.content.decode(self._charset, "replace")
        except LookupError:
            return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON. What is no JSON says nothing about what became of the request: OutcomeUnknown, or Retryable if safe."""
        try:
            return jsonlib.loads(self.content)
        except (ValueError, RecursionError):
            raise unreadable("the answer is not JSON", self._safe) from None


class HttpClient:
    """Requests through a guard. ``timeout`` is seconds for a connect and for each wait, ``deadline`` for all of a request.

    ``max_bytes`` bounds the body as it comes and as it is unpacked. ``ca_file`` names another certificate authority.
    """

    def __init__(
        self,
        guard: Guard,
        *,
        timeout: float = 15.0,
        deadline: float = 60.0,
        max_bytes: int = 10_000_000,
        attempts: int = 3,
        ca_file: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._guard = guard
        self._timeout = timeout
        self._deadline = deadline
        self._max_bytes = max_bytes
        self._clock = clock or SystemClock()
        self._again = retrying(attempts, first_wait=0.2)
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy, no .netrc: they would go around the guard
        self._session.verify = ca_file or True
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers["User-Agent"] = f"cms-core/{cms_core.__version__}"
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, GuardedAdapter())

    def __repr__(self) -> str:
        return (
            f"HttpClient(timeout={self._timeout:g}, deadline={self._deadline:g}, max_bytes={self._max_bytes})"
        )

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        data: bytes | Mapping[str, str] | None = None,
        idempotent: bool = False,
        expect: Collection[int] = (),
    ) -> HttpResponse:
        """Send one request and return the response (2xx or ``expect``); raises as the module's table says."""
        method = method.upper()
        safe = idempotent or method in SAFE
        call = Call(method, url, dict(headers or {}), json, data, safe, frozenset(expect))
        check_url(url)
        if method in SAFE:
            return self._again(_worth_waiting, lambda: self._follow(call))
        return self._follow(call)

    def close(self) -> None:
        """Close the idle connections."""
        self._session.close()

    def _follow(self, call: Call) -> HttpResponse:
        """Send a request, and follow where it is sent to if it only reads."""
        exchange = Exchange(self._guard, self._timeout, self._deadline)
        with exchange.watched():
            for _ in range(MOST_REDIRECTS + 1):
                response, target = self._exchange(call, exchange)
                if target is None or call.method not in FOLLOWED or response.status in call.expect:
                    return self._judged(call, response)
                call = call.moved(target)
        raise Refused(f"{call.what}: too many redirects")

    def _exchange(self, call: Call, exchange: Exchange) -> tuple[HttpResponse, str | None]:
        """One request and its whole response; the second is where it redirects to."""
        prepared = self._prepare(call)
        try:
            with self._session.send(
                prepared,
                stream=True,
                allow_redirects=False,
                timeout=self._timeout,
                verify=self._session.verify,
            ) as raw:
                content = self._content(call, raw)
            exchange.check()
        except TooBig:
            reason = f"{call.what}: the answer is larger than {self._max_bytes} bytes"
            raise (Refused if call.safe else OutcomeUnknown)(reason) from None
        except BROKEN as error:
            raise _broken(call, exchange, error) from None
        charset = requests.utils.get_encoding_from_headers(raw.headers) or "utf-8"
        response = HttpResponse(raw.status_code, raw.headers, content, prepared.url or "", charset, call.safe)
        return response, self._session.get_redirect_target(raw)

    def _content(self, call: Call, raw: requests.Response) -> bytes:
        try:
            return b"" if call.method == "HEAD" else read_body(raw, self._max_bytes)
        except (TooBig, *BROKEN):
            if raw.status_code < 400:
                raise
            return b""  # an error is said by its status

    def _prepare(self, call: Call) -> requests.PreparedRequest:
        try:
            request = requests.Request(call.method, call.url, call.headers, json=call.json, data=call.data)
            prepared = self._session.prepare_request(request)
        except (requests.RequestException, ValueError):  # their words may hold a secret
            raise Refused(f"{call.what}: this is no request that can be sent") from None
        check_url(prepared.url or "")
        return prepared

    def _judged(self, call: Call, response: HttpResponse) -> HttpResponse:
        status = response.status
        error = None
        if status not in call.expect:
            error = judge(call.what, status, response.headers, response.content, call.safe, self._clock.now())
        if error is not None:
            raise error
        return response


def _broken(call: Call, exchange: Exchange, error: Exception) -> ChannelError:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return NotConnected(f"{call.what}: the certificate is not good: {cause.verify_message}")
    if not exchange.began:
        return Retryable(f"{call.what}: cannot connect")
    late = exchange.late or _timed_out(error)
    how = "no whole answer in time" if late else "the connection broke before the whole answer"
    return unreadable(f"{call.what}: {how}", call.safe)


def _timed_out(error: Exception) -> bool:
    return any(isinstance(cause, TimeoutError | requests.Timeout) for cause in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it wraps: urllib3 and requests put the first cause into arguments, reasons and contexts."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop()
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [each.__cause__, each.__context__, getattr(each, "reason", None), *each.args]


def _worth_waiting(error: Exception) -> bool | float:
    if not isinstance(error, Retryable):
        return False
    if error.after is None:
        return True
    seconds = error.after.total_seconds()
    return seconds if seconds <= LONGEST_WAIT else False
