"""What becomes of a request: each remote fault, the error it stands for, and how many requests the remote has seen."""

import json
import socket
import threading
import time
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms_core.contract import ChannelError, NotConnected, OutcomeUnknown, Refused, Retryable
from cms_core.outbound import Guard, HttpClient
from cms_core.outbound.http_answers import retry_after

from .conftest import NOW
from .servers import Peer, RawServer, answers, failure, plays

OK = "200 OK"


def half_close(peer: Peer) -> None:
    peer.sock.shutdown(socket.SHUT_WR)
    peer.wait(1)
    raise ConnectionError


def drip_body(peer: Peer) -> None:
    peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while not peer.server.over.wait(0.1):
        peer.say(b"x")


def drip_head(peer: Peer) -> None:
    peer.say(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not peer.server.over.wait(0.1):
        peer.say(b"x")


def cut(peer: Peer) -> None:
    peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 300)
    raise ConnectionError


def stall(peer: Peer) -> None:
    peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
    peer.wait()


BROKEN = {
    "silence": Peer.wait,
    "half-closed": half_close,
    "reset": Peer.reset,
    "headers, then stall": stall,
    "body cut": cut,
    "body drips": drip_body,
    "headers drip": drip_head,
    "no HTTP": lambda peer: peer.say(b"220 mail.test ESMTP\r\n" * 5),
    "bad gzip": lambda peer: peer.answer(OK, b"no gzip", "Content-Encoding: gzip"),
    "too big": lambda peer: peer.answer(OK, b"x" * 200_000),
}


@pytest.mark.parametrize("fault", BROKEN)
@pytest.mark.parametrize(("method", "idempotent"), [("POST", False), ("POST", True), ("GET", False)])
def test_what_breaks_after_the_request_left_is_unknown_unless_repeating_does_no_harm(
    client: HttpClient, fault: str, method: str, idempotent: bool
) -> None:
    began = time.monotonic()
    with plays(BROKEN[fault]) as server:
        error = failure(client, method, server.url, idempotent=idempotent)
        took = time.monotonic() - began
    safe = Refused if fault == "too big" else Retryable
    assert type(error) is (safe if idempotent or method == "GET" else OutcomeUnknown)
    assert (len(server.requests), took < 2.5) == (1, True)


def test_connection_refused_is_retryable(client: HttpClient) -> None:
    with answers(OK) as server:
        pass
    assert type(failure(client, "POST", server.url)) is Retryable


def test_an_unknown_name_is_retryable() -> None:
    def lookup(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    client = HttpClient(Guard(lookup=lookup), attempts=1)  # type: ignore[arg-type]
    assert type(failure(client, "POST", "https://nowhere.test/")) is Retryable


def test_a_lookup_that_hangs_is_retryable_in_time() -> None:
    over = threading.Event()

    def lookup(*_: object, **__: object) -> list[object]:
        over.wait(10)
        return []

    client = HttpClient(Guard(lookup=lookup), timeout=0.2, attempts=1)  # type: ignore[arg-type]
    began = time.monotonic()
    assert type(failure(client, "POST", "https://nowhere.test/")) is Retryable
    assert time.monotonic() - began < 2
    over.set()


@pytest.mark.parametrize(
    ("status", "headers", "post", "get"),
    [
        ("400 Bad Request", [], Refused, Refused),
        ("401 Unauthorized", [], NotConnected, NotConnected),
        ("403 Forbidden", [], Refused, Refused),
        ("403 Forbidden", ['WWW-Authenticate: Bearer error="invalid_token"'], NotConnected, NotConnected),
        ("404 Not Found", [], Refused, Refused),
        ("408 Request Timeout", [], Retryable, Retryable),
        ("413 Too Large", [], Refused, Refused),
        ("422 No", [], Refused, Refused),
        ("429 Slow down", [], Retryable, Retryable),
        ("500 Oops", [], OutcomeUnknown, Retryable),
        ("501 What", [], Refused, Refused),
        ("502 Bad", [], OutcomeUnknown, Retryable),
        ("503 Later", [], OutcomeUnknown, Retryable),
        ("503 Later", ["Retry-After: 7"], Retryable, Retryable),
        ("504 Late", [], OutcomeUnknown, Retryable),
        ("301 Moved", ["Location: /other"], Refused, None),
        ("302 Found", ["Location: /other"], OutcomeUnknown, None),
        ("303 See", ["Location: /other"], OutcomeUnknown, None),
        ("307 Moved", ["Location: /other"], Refused, None),
        ("308 Moved", ["Location: /other"], Refused, None),
        ("304 Not Modified", [], OutcomeUnknown, Refused),
    ],
)
def test_a_status_stands_for_an_error(
    client: HttpClient,
    status: str,
    headers: list[str],
    post: type[ChannelError],
    get: type[ChannelError] | None,
) -> None:
    with answers(status, b"", *headers) as server:
        assert type(failure(client, "POST", server.url)) is post
        assert len(server.requests) == 1
        if get is not None:
            assert type(failure(client, "GET", server.url)) is get


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "202 Accepted", "204 None"])
def test_2xx_is_an_answer(client: HttpClient, status: str) -> None:
    with answers(status, b"" if status[:3] == "204" else b'{"id": 7}') as server:
        response = client.request("POST", server.url + "/x?y=1", data={"a": "b c"})
    assert response.status == int(status[:3])
    assert server.requests[0].startswith(b"POST /x?y=1 HTTP/1.1\r\n")
    assert server.requests[0].endswith(b"\r\n\r\na=b+c")
    assert f"Host: 127.0.0.1:{server.port}".encode() in server.requests[0]


def test_an_expected_status_is_an_answer(client: HttpClient) -> None:
    with answers("409 Conflict", b'{"id": 7}') as server:
        response = client.request("POST", server.url, json={}, expect=(409,))
    assert (response.status, response.json()) == (409, {"id": 7})


@pytest.mark.parametrize("body", [b"<html>error</html>", b"{", b"", b"[" * 50_000, b"\xff"])
def test_an_answer_that_is_no_json_says_nothing(client: HttpClient, body: bytes) -> None:
    with answers(OK, body) as server:
        posted = client.request("POST", server.url)
        got = client.request("GET", server.url)
    with pytest.raises(OutcomeUnknown):
        posted.json()
    with pytest.raises(Retryable):
        got.json()


def test_the_remotes_words_are_in_the_reason(client: HttpClient) -> None:
    with answers("422 No", json.dumps({"error": {"message": "text is\ntoo long"}}).encode()) as server:
        assert failure(client, "POST", server.url).reason == "POST 127.0.0.1: 422 text is too long"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7),
        (" 120 ", 120),
        ("0", 1),
        ("-5", 1),
        ("315360000", 86400),
        ("9" * 5000, 86400),
        ("Mon, 04 May 2026 07:01:30 GMT", 90),
        ("Mon, 04 May 2026 06:00:00 GMT", 1),
        ("Fri, 01 Jan 9999 00:00:00 GMT", 86400),
        ("soon", None),
        ("", None),
        ("²", None),
    ],
)
def test_retry_after_is_read_and_bounded(client: HttpClient, text: str, seconds: int | None) -> None:
    after = retry_after(text, NOW)
    assert after == (None if seconds is None else timedelta(seconds=seconds))
    if text.isascii():
        with answers("429 Slow down", b"", f"Retry-After: {text}") as server:
            error = failure(client, "POST", server.url)
        assert isinstance(error, Retryable)
        assert error.after == after


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (("X-RateLimit-Reset: 2026-05-04T07:05:00.000Z",), 300),
        (("X-RateLimit-Reset: 2026-05-04T07:05:00",), 300),
        ((f"RateLimit-Reset: {int(NOW.timestamp()) + 90}",), 90),
        (("RateLimit-Reset: 45",), 45),
        (("RateLimit-Reset: 45", "Retry-After: 7"), 7),
        (("X-RateLimit-Reset: 1999-01-01T00:00:00Z",), 1),
        (("RateLimit-Reset: 999999999999",), 86400),
        (("RateLimit-Reset: soon",), None),
    ],
)
def test_the_end_of_a_rate_limit_window_is_waited_for(
    client: HttpClient, headers: tuple[str, ...], seconds: int | None
) -> None:
    with answers("429 Slow down", b"", *headers) as server:
        error = failure(client, "POST", server.url)
    assert isinstance(error, Retryable)
    assert error.after == (None if seconds is None else timedelta(seconds=seconds))


@given(st.text())
def test_retry_after_takes_any_text(text: str) -> None:
    after = retry_after(text, NOW)
    assert after is None or timedelta(seconds=1) <= after <= timedelta(hours=24)


def test_safe_requests_are_tried_again_and_others_are_not(guard: Guard) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.answer("500 Oops" if len(peer.server.requests) % 3 else OK)

    client = HttpClient(guard, attempts=3)
    with RawServer(script) as server:
        assert client.request("GET", server.url).status == 200
        assert len(server.requests) == 3
        with pytest.raises(OutcomeUnknown):
            client.request("POST", server.url)
        with pytest.raises(Retryable):
            client.request("PUT", server.url, idempotent=True)
        assert len(server.requests) == 5


def test_a_short_retry_after_is_waited_for_and_a_long_one_is_left_to_the_caller(guard: Guard) -> None:
    waits = iter(["Retry-After: 1", "Retry-After: 60"])
    seen: list[float] = []

    def script(peer: Peer) -> None:
        peer.request()
        seen.append(time.monotonic())
        peer.answer("429 Slow down", b"", next(waits))

    with RawServer(script) as server:
        error = failure(HttpClient(guard, attempts=3), "GET", server.url)
    assert isinstance(error, Retryable)
    assert error.after == timedelta(seconds=60)
    assert len(seen) == 2
    assert seen[1] - seen[0] >= 1.0
